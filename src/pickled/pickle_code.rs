//! The instructions of a pickle, one after the other: what they are called with lies in its bytes.

/// What was read, or the reason why it is refused.
pub(crate) type Read<T> = Result<T, String>;

/// A part of the pickle's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    pub(crate) fn new(start: usize, length: usize) -> Self {
        // A pickle is below 4 GB.
        Self { start: start as u32, length: length as u32 }
    }

    /// Returns the part of a pickle that it is.
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.length as usize]
    }
}

/// A kind of container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tuple,
    List,
    Dict,
    Set,
}

/// The newest protocol.
const NEWEST: u8 = 5;

/// An instruction. Those with the same effect here are one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    /// Protocol and frames.
    Nothing,
    Stop,
    Mark,
    Pop,
    PopMark,
    Dup,
    None,
    Bool(bool),
    /// An integer; none if it has more than 64 bits.
    Int(Option<i64>),
    Float(f64),
    Bytes(Span),
    Text(Span),
    /// A container of all values above the mark.
    Collect(Kind),
    Empty(Kind),
    /// A tuple of so many values.
    Tuple(usize),
    /// All values above the mark go into the container below it.
    Extend,
    /// So many values go into the container below them.
    Append(usize),
    Put(usize),
    Memoize,
    Get(usize),
    /// A name of a module.
    Global(Span, Span),
    StackGlobal,
    Call,
    CallWithKeywords,
    /// A call whose callable is the first value above the mark.
    CallMarked,
    /// A call of a name of a module with all values above the mark.
    Instance(Span, Span),
    Build,
    Persistent,
    PersistentText(Span),
}

/// The bytes of a pickle, and how far they are read.
pub(crate) struct Code<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Code<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Reads one instruction.
    pub(crate) fn next(&mut self) -> Read<Op> {
        let code = self.byte()?;
        Ok(match code {
            b'.' => Op::Stop,
            b'(' => Op::Mark,
            b'0' => Op::Pop,
            b'1' => Op::PopMark,
            b'2' => Op::Dup,
            b'N' => Op::None,
            b'\x88' => Op::Bool(true),
            b'\x89' => Op::Bool(false),
            b'I' | b'L' | b'F' => self.decimal(code)?,
            b'J' => Op::Int(Some(i64::from(i32::from_le_bytes(self.array()?)))),
            b'K' => Op::Int(Some(i64::from(self.byte()?))),
            b'M' => Op::Int(Some(i64::from(u16::from_le_bytes(self.array()?)))),
            b'\x8a' => Op::Int(self.long_of(1)?),
            b'\x8b' => Op::Int(self.long_of(4)?),
            b'G' => Op::Float(f64::from_be_bytes(self.array()?)),
            b'S' => self.quoted()?,
            b'T' | b'B' => Op::Bytes(self.counted(4)?),
            b'U' | b'C' => Op::Bytes(self.counted(1)?),
            b'\x8e' | b'\x96' => Op::Bytes(self.counted(8)?),
            b'V' => Op::Text(self.plain_line()?),
            b'X' => self.text(4)?,
            b'\x8c' => self.text(1)?,
            b'\x8d' => self.text(8)?,
            b'p' => self.number().map(Op::Put)?,
            b'q' => Op::Put(usize::from(self.byte()?)),
            b'r' => Op::Put(self.size(4)?),
            b'\x94' => Op::Memoize,
            b'g' => self.number().map(Op::Get)?,
            b'h' => Op::Get(usize::from(self.byte()?)),
            b'j' => Op::Get(self.size(4)?),
            b'c' => Op::Global(self.plain_line()?, self.plain_line()?),
            b'i' => Op::Instance(self.plain_line()?, self.plain_line()?),
            b'P' => Op::PersistentText(self.plain_line()?),
            b'\x80' if self.byte()? <= NEWEST => Op::Nothing,
            b'\x80' => return Err(format!("a protocol after {NEWEST}")),
            b'\x95' => self.size(8).map(|_| Op::Nothing)?,
            _ => return plain(code),
        })
    }

    fn take(&mut self, length: usize) -> Read<&'b [u8]> {
        let rest = &self.bytes[self.at..];
        let (taken, _) = rest.split_at_checked(length).ok_or("the file ends too early")?;
        self.at += length;
        Ok(taken)
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("as many as taken"))
    }

    /// Reads an unsigned number of `width` bytes.
    fn size(&mut self, width: usize) -> Read<usize> {
        let mut eight = [0; 8];
        eight[..width].copy_from_slice(self.take(width)?);
        usize::try_from(u64::from_le_bytes(eight)).map_err(|_| "a number too large".into())
    }

    /// Reads a length of `width` bytes, and as many bytes.
    fn counted(&mut self, width: usize) -> Read<Span> {
        let length = self.size(width)?;
        let start = self.at;
        self.take(length)?;
        Ok(Span::new(start, length))
    }

    fn text(&mut self, width: usize) -> Read<Op> {
        let text = self.counted(width)?;
        std::str::from_utf8(text.of(self.bytes)).map_err(|_| "text that is not UTF-8")?;
        Ok(Op::Text(text))
    }

    /// Reads to the end of a line.
    fn line(&mut self) -> Read<Span> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|b| *b == b'\n').ok_or("a line without an end")?;
        self.at += length + 1;
        Ok(Span::new(start, length))
    }

    fn line_of_text(&mut self) -> Read<&'b str> {
        let line = self.line()?.of(self.bytes);
        std::str::from_utf8(line).map_err(|_| "text that is not UTF-8".into())
    }

    /// Reads a line of text without escapes.
    fn plain_line(&mut self) -> Read<Span> {
        let line = self.line()?;
        let bytes = line.of(self.bytes);
        if bytes.contains(&b'\\') || std::str::from_utf8(bytes).is_err() {
            return Err("text with escapes (protocol 0); save it with a newer protocol".into());
        }
        Ok(line)
    }

    fn number(&mut self) -> Read<usize> {
        self.line_of_text()?.parse().map_err(|_| "no number where one should be".into())
    }

    /// Reads a number in decimals: an integer, a long one, or a fraction.
    fn decimal(&mut self, code: u8) -> Read<Op> {
        let wrong = || "no number where one should be".to_owned();
        let line = self.line_of_text()?;
        match (code, line) {
            (b'F', _) => line.parse().map(Op::Float).map_err(|_| wrong()),
            (b'I', "00") => Ok(Op::Bool(false)),
            (b'I', "01") => Ok(Op::Bool(true)),
            _ => {
                let digits = line.strip_suffix('L').unwrap_or(line);
                let unsigned = digits.strip_prefix('-').unwrap_or(digits);
                if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(wrong());
                }
                Ok(Op::Int(digits.parse().ok()))
            }
        }
    }

    /// Reads a long integer whose length takes `width` bytes.
    fn long_of(&mut self, width: usize) -> Read<Option<i64>> {
        let length = self.size(width)?;
        let bytes = self.take(length)?;
        if length > 8 {
            return Ok(None);
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut eight = [if negative { 0xff } else { 0 }; 8];
        eight[..length].copy_from_slice(bytes);
        Ok(Some(i64::from_le_bytes(eight)))
    }

    /// Reads a string in quotes.
    fn quoted(&mut self) -> Read<Op> {
        let start = self.at;
        match self.plain_line()?.of(self.bytes) {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => {
                Ok(Op::Bytes(Span::new(start + 1, inner.len())))
            }
            _ => Err("a string without quotes".into()),
        }
    }
}

/// Returns an instruction that takes only values from the stack.
fn plain(code: u8) -> Read<Op> {
    Ok(match code {
        b't' => Op::Collect(Kind::Tuple),
        b'l' => Op::Collect(Kind::List),
        b'd' => Op::Collect(Kind::Dict),
        b'\x91' => Op::Collect(Kind::Set),
        b')' => Op::Empty(Kind::Tuple),
        b']' => Op::Empty(Kind::List),
        b'}' => Op::Empty(Kind::Dict),
        b'\x8f' => Op::Empty(Kind::Set),
        b'\x85' => Op::Tuple(1),
        b'\x86' => Op::Tuple(2),
        b'\x87' => Op::Tuple(3),
        b'e' | b'u' | b'\x90' => Op::Extend,
        b'a' => Op::Append(1),
        b's' => Op::Append(2),
        b'\x93' => Op::StackGlobal,
        b'R' | b'\x81' => Op::Call,
        b'\x92' => Op::CallWithKeywords,
        b'o' => Op::CallMarked,
        b'b' => Op::Build,
        b'Q' => Op::Persistent,
        b'\x82'..=b'\x84' => return Err("a name from a registry of extensions".into()),
        b'\x97' | b'\x98' => return Err("a buffer outside of the file".into()),
        _ => return Err(format!("no instruction is {code:#04x}")),
    })
}
