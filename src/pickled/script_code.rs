//! The code of a script, which `torch.jit.save` writes as text in a small part of `Python`: whatever in it looks like a
//! call must be known, all else about calls is refused.
//!
//! A name means what `PyTorch` finds for it: `torch.NAME` a function, `x.NAME` a function of x too. So beside functions
//! of tensors only these may be called: what the file itself defines (`__torch__.NAME`), `forward` of anything, and of
//! `self` what its own class defines. Brackets, operators and functions are counted, since `PyTorch` reads what stands
//! inside each other by recursion.

use super::pickle_code::Read;
use super::script_names::{
    BEFORE_A_BRACKET, BUILT_IN, CUSTOM, FUNCTIONS, PRIMITIVES, REFUSED, among, is_forward,
};

/// Most brackets inside each other.
const MOST_NESTED: usize = 40;

/// Most operators in a statement.
const MOST_OPERATORS: usize = 200;

/// Most spaces before a statement.
const MOST_INDENTED: usize = 60;

/// Spaces before the methods of a class.
const OF_CLASS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    /// A number or a text.
    Constant,
    Mark(u8),
    /// The start of a statement behind so many spaces.
    Start(usize),
}

use Token::{Constant, Mark, Start, Word};

/// Checks the code of one file, and returns how many functions it defines.
pub(super) fn check(text: &str) -> Read<usize> {
    let tokens = tokens(text)?;
    let starts: Vec<usize> =
        (0..tokens.len()).filter(|&at| matches!(tokens[at], Start(_))).collect();
    let mut code = Code { tokens: &tokens, methods: Vec::new(), function: 0..0 };
    for (i, &at) in starts.iter().enumerate() {
        let Start(spaces) = tokens[at] else { continue };
        let next = |from: usize, end: &dyn Fn(usize, &Token) -> bool| {
            let end = starts[from..]
                .iter()
                .find(|&&at| matches!(tokens[at], Start(spaces) if end(spaces, &tokens[at + 1])));
            end.copied().unwrap_or(tokens.len())
        };
        let end = starts.get(i + 1).copied().unwrap_or(tokens.len());
        match (spaces, &tokens[at + 1]) {
            (0, Word("class")) => {
                let end = next(i + 1, &|spaces, _| spaces == 0);
                code.methods = code.methods_of(at..end)?;
            }
            (0, Word("def")) => {
                code.methods.clear();
                code.function = at..next(i + 1, &|spaces, _| spaces == 0);
            }
            (OF_CLASS, Word("def")) if !code.methods.is_empty() => {
                code.function = at..next(i + 1, &|spaces, _| spaces <= OF_CLASS);
            }
            (_, Word("def" | "class")) => {
                return Err("it defines something inside a function".into());
            }
            (0, _) => return Err("it holds a statement outside of all functions".into()),
            _ => {}
        }
        code.check_statement(at..end)?;
    }
    Ok(tokens.iter().filter(|token| **token == Word("def")).count())
}

/// Code, and the class and the function around a statement.
struct Code<'t> {
    tokens: &'t [Token<'t>],
    /// What the class defines.
    methods: Vec<&'t str>,
    /// The function.
    function: std::ops::Range<usize>,
}

impl<'t> Code<'t> {
    fn at(&self, at: usize) -> Token<'t> {
        self.tokens.get(at).copied().unwrap_or(Start(0))
    }

    fn before(&self, at: usize, by: usize) -> Token<'t> {
        at.checked_sub(by).map_or(Start(0), |at| self.at(at))
    }

    /// Returns the names of the functions of a class; they must be indented by [`OF_CLASS`].
    fn methods_of(&self, class: std::ops::Range<usize>) -> Read<Vec<&'t str>> {
        let mut starts = class.clone().skip(1).filter_map(|at| match self.at(at) {
            Start(spaces) => Some(spaces),
            _ => None,
        });
        if starts.next().is_some_and(|spaces| spaces != OF_CLASS) {
            return Err(format!("a class is not indented by {OF_CLASS}"));
        }
        let name = |at: usize| match (self.at(at), self.at(at + 1), self.at(at + 2)) {
            (Start(OF_CLASS), Word("def"), Word(name)) => Some(name),
            _ => None,
        };
        Ok(class.filter_map(name).collect())
    }

    fn check_statement(&self, statement: std::ops::Range<usize>) -> Read<()> {
        let (mut depth, mut operators) = (0_usize, 0);
        for at in statement {
            match self.at(at) {
                Mark(b'(' | b'[' | b'{') => {
                    depth += 1;
                    if self.at(at) == Mark(b'(') {
                        self.check_bracket(at)?;
                    }
                }
                Mark(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                Mark(b',' | b'.' | b':') | Constant | Start(_) => {}
                Mark(_) => operators += 1,
                Word(word) => {
                    operators += usize::from(matches!(word, "and" | "not" | "or" | "is"));
                    self.check_word(at, word)?;
                }
            }
            if depth > MOST_NESTED || operators > MOST_OPERATORS {
                return Err("a statement is too long".into());
            }
        }
        Ok(())
    }

    fn check_word(&self, at: usize, word: &str) -> Read<()> {
        let (before, after) = (self.before(at, 1), self.at(at + 1));
        if before == Mark(b'.') {
            if after == Mark(b'=') && self.at(at + 2) != Mark(b'=') {
                return Err(format!("it changes itself: it sets {word}"));
            }
            let custom = CUSTOM.split('.').rev().enumerate();
            let mut places = custom.map(|(i, part)| self.before(at, 2 * i) == Word(part));
            return if places.all(|same| same) {
                Err(format!("it uses a class of {CUSTOM}"))
            } else {
                Ok(())
            };
        }
        let fits = match word {
            "for" => self.is_short_loop(at),
            "torch" | "ops" | "__torch__" => after == Mark(b'.'),
            // What is `self` must be sure, since its own functions may be called.
            "self" => match after {
                Mark(b'.') => true,
                Mark(b':') => before == Mark(b'(') && self.at(at + 2) == Word("__torch__"),
                Mark(b',') => before == Mark(b'(') && self.before(at, 2) == Word("getattr"),
                Mark(b')') => before == Mark(b'(') && self.at(at + 2) == Mark(b'.'),
                _ => false,
            },
            _ => true,
        };
        if among(REFUSED, word) || !fits {
            return Err(format!("it uses `{word}` in a way that networks do not need"));
        }
        Ok(())
    }

    /// Returns whether `for NAME in range(torch.sub(torch.len(NAME), NUMBER)):` begins at a place, which ends with the
    /// list: so batch normalisation looks at sizes.
    fn is_short_loop(&self, at: usize) -> bool {
        let [open, close, dot] = [b'(', b')', b'.'].map(Mark);
        let (range, torch, sub, len) = (Word("range"), Word("torch"), Word("sub"), Word("len"));
        let head = [range, open, torch, dot, sub, open, torch, dot, len, open];
        let tail = [close, Mark(b','), Constant, close, close, Mark(b':')];
        let matches = |from: usize, form: &[Token]| {
            form.iter().enumerate().all(|(i, token)| self.at(from + i) == *token)
        };
        matches!((self.before(at, 1), self.at(at + 1)), (Start(_), Word(_)))
            && self.at(at + 2) == Word("in")
            && matches(at + 3, &head)
            && matches!(self.at(at + 13), Word(_))
            && matches(at + 14, &tail)
    }

    /// Checks what stands before a bracket.
    fn check_bracket(&self, at: usize) -> Read<()> {
        let name = match self.before(at, 1) {
            Word(name) => name,
            Mark(b')' | b']' | b'}') | Constant => return Err("it calls what it computes".into()),
            _ => return Ok(()),
        };
        let mut path = vec![name];
        let mut first = at - 1;
        while let (Mark(b'.'), Word(part)) = (self.before(first, 1), self.before(first, 2)) {
            path.insert(0, part);
            first -= 2;
        }
        let of_value = self.before(first, 1) == Mark(b'.');
        let of_self = of_value && path.len() == 1 && self.is_self_in_brackets(first - 2);
        let known = match &path[..] {
            [_] if of_self => self.methods.contains(&name),
            [_] if of_value => false,
            ["torch", _] if !of_value => among(FUNCTIONS, name),
            ["ops", "prim", _] if !of_value => among(PRIMITIVES, name),
            ["__torch__", _, ..] if !of_value => true,
            ["self", _] if !of_value => self.methods.contains(&name),
            [_] => {
                let before = self.before(first, 1);
                [Word("def"), Word("class")].contains(&before)
                    || among(BEFORE_A_BRACKET, name)
                    || among(BUILT_IN, name)
                    || name == "range" && before == Word("in")
                    || self.is_alias(name)
            }
            _ => false,
        };
        // Of a value: torch.NAME, with the value as what it is given first.
        let of_any = of_value || path.len() > 1 && !["torch", "ops"].contains(&path[0]);
        if known || of_any && (is_forward(name) || among(FUNCTIONS, name)) {
            return Ok(());
        }
        let dot = if of_value { "." } else { "" };
        Err(format!(
            "it calls {dot}{}, which is no function of tensors that is known",
            path.join(".")
        ))
    }

    /// Returns whether `(self)` ends at a place, and is no call.
    fn is_self_in_brackets(&self, end: usize) -> bool {
        let tokens = [3, 2, 1, 0].map(|by| self.before(end, by));
        matches!(
            tokens,
            [Mark(_) | Start(_) | Word("return"), Mark(b'('), Word("self"), Mark(b')')]
                if ![Mark(b')'), Mark(b']')].contains(&tokens[0])
        )
    }

    /// Returns whether a word stands in its function for a function of the file, and for nothing else: it is set once,
    /// by `NAME = __torch__.…`, and otherwise only called.
    fn is_alias(&self, name: &str) -> bool {
        let mut set = 0;
        let places = self.function.clone().filter(|&at| self.at(at) == Word(name));
        for at in places.filter(|&at| self.before(at, 1) != Mark(b'.')) {
            let is_set = matches!(self.before(at, 1), Start(_))
                && self.at(at + 1) == Mark(b'=')
                && self.at(at + 2) == Word("__torch__");
            let mut end = at + 3;
            while let (Mark(b'.'), Word(_)) = (self.at(end), self.at(end + 1)) {
                end += 2;
            }
            if is_set && matches!(self.at(end), Start(_)) {
                set += 1;
            } else if self.at(at + 1) != Mark(b'(') {
                return false;
            }
        }
        set == 1
    }
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Splits code into tokens.
fn tokens(text: &str) -> Read<Vec<Token<'_>>> {
    let (bytes, mut at, mut depth) = (text.as_bytes(), 0, 0_usize);
    let mut tokens = Vec::new();
    let mut spaces = Some(0);
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match (byte, &mut spaces) {
            (b'\n', _) => {
                spaces = if depth == 0 { Some(0) } else { None };
                continue;
            }
            (b' ', Some(spaces)) => {
                *spaces += 1;
                continue;
            }
            (b' ', None) => continue,
            (_, before) => {
                if let Some(spaces) = before.take() {
                    if spaces > MOST_INDENTED {
                        return Err("its statements stand too deep inside each other".into());
                    }
                    tokens.push(Start(spaces));
                }
            }
        }
        tokens.push(match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                at += bytes[at..].iter().take_while(|byte| in_word(**byte)).count();
                Word(&text[start..at])
            }
            b'0'..=b'9' => {
                at = number(bytes, start)?;
                Constant
            }
            b'"' | b'\'' => {
                at = quoted(bytes, start)?;
                Constant
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                Mark(byte)
            }
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1).ok_or("a bracket is closed that is not open")?;
                Mark(byte)
            }
            b',' | b':' | b'.' | b'=' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'&'
            | b'|' | b'^' | b'~' | b'!' => Mark(byte),
            _ => {
                return Err(format!(
                    "it holds the byte {byte:#04x}, which such code does not need"
                ));
            }
        });
    }
    if depth > 0 {
        return Err("a bracket is not closed".into());
    }
    Ok(tokens)
}

/// Returns where a number ends: digits, perhaps a point, perhaps an exponent.
fn number(bytes: &[u8], start: usize) -> Read<usize> {
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut at = digits(start);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if bytes.get(at) == Some(&b'e') {
        let sign = matches!(bytes.get(at + 1), Some(b'-' | b'+'));
        at = digits(at + 1 + usize::from(sign));
    }
    if bytes.get(at).is_some_and(|byte| in_word(*byte)) {
        return Err("a number runs into a word".into());
    }
    Ok(at)
}

/// Returns where a text ends.
fn quoted(bytes: &[u8], start: usize) -> Read<usize> {
    let quote = bytes[start];
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(byte) if *byte == quote => break,
            None | Some(b'\n') => return Err("a text does not end".into()),
            Some(_) => at += 1,
        }
    }
    // Three quotes would begin a text of several lines.
    if bytes.get(at + 1) == Some(&quote) {
        return Err("it holds two texts without anything between them".into());
    }
    Ok(at + 1)
}
