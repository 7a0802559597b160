//! Enums of named choices: one list of spellings for the command line, files and messages.

/// Defines an enum whose variants are parsed from, printed as and stored under their names.
///
/// It gets `ALL`, `name`, [`Display`](std::fmt::Display), [`FromStr`](std::str::FromStr) and serde; `kind`
/// is what such a thing is called in the error of an unknown name.
macro_rules! named {
    (
        $kind:literal, $(#[$doc:meta])*
        $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize,
            serde::Deserialize,
        )]
        #[serde(into = "String", try_from = "String")]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$case),+];

            /// Returns the name on the command line and in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$case => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(name: &str) -> $crate::Result<Self> {
                let unknown = || $crate::Error::UnknownName {
                    kind: $kind,
                    name: name.into(),
                    known: Self::ALL.map(Self::name).join(", "),
                };
                Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(unknown)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::Error;

            fn try_from(name: String) -> $crate::Result<Self> {
                name.parse()
            }
        }

        impl From<$name> for String {
            fn from(one: $name) -> Self {
                one.name().to_owned()
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro makes public enums")]
mod tests {
    named!("colour",
        /// Two colours.
        Colour {
            /// As blood.
            Red = "red",
            /// As the sky.
            SkyBlue = "sky-blue",
        }
    );

    #[test]
    fn every_name_is_read_back_and_any_other_is_answered_with_all() {
        for colour in Colour::ALL {
            assert_eq!(colour.to_string().parse::<Colour>().unwrap(), colour);
            let json = serde_json::to_string(&colour).unwrap();
            assert_eq!(json, format!("\"{colour}\""));
            assert_eq!(serde_json::from_str::<Colour>(&json).unwrap(), colour);
        }
        let error = "green".parse::<Colour>().unwrap_err().to_string();
        assert_eq!(error, "unknown colour 'green'; choose one of: red, sky-blue");
        let in_file = serde_json::from_str::<Colour>("\"green\"").unwrap_err().to_string();
        assert!(in_file.starts_with(&error), "{in_file}");
    }
}
