//! Names of choices: one spelling each, on the command line, in files and in messages.

use crate::error::{Error, Result};

/// Returns the one of `all` that is called `name`.
///
/// # Errors
/// [`Error::UnknownName`], which lists all names.
pub(crate) fn find<T: Copy>(
    name: &str,
    kind: &'static str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
) -> Result<T> {
    all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| name_of(*one)).collect();
        Error::UnknownName { kind, name: name.into(), known: known.join(", ") }
    })
}

/// Lets an enum with `ALL` and `name()` be printed as and parsed from its names.
macro_rules! by_name {
    ($name:ident, $kind:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::Error;

            fn from_str(name: &str) -> $crate::error::Result<Self> {
                $crate::names::find(name, $kind, &Self::ALL, Self::name)
            }
        }
    };
}
pub(crate) use by_name;

/// The same, and lets serde store the enum as its name: `#[serde(into = "String", try_from = "String")]`.
macro_rules! stored_by_name {
    ($name:ident, $kind:literal) => {
        $crate::names::by_name!($name, $kind);

        impl TryFrom<String> for $name {
            type Error = $crate::error::Error;

            fn try_from(name: String) -> $crate::error::Result<Self> {
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
pub(crate) use stored_by_name;
