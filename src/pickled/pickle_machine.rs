//! Reads a pickle without executing anything.
//!
//! A pickle is a program for a small stack machine. This one knows the instructions of protocols 0 to 5; where
//! `Python` would import a name or call it, it notes the name and what it would be called with. So the worst that a
//! file can do is to be refused. What is noted takes at most a few times the memory of the file: lengths are
//! checked before anything is allocated, and there are limits on the stack, on marks and on all objects together.

use std::borrow::Cow;

use super::pickle::{Call, Chain, END, Id, Link, Node, Pickle};
use super::pickle_code::{Code, Kind, Op, Read, Span};

/// Most values on the stack; only a tuple needs more than a few thousand.
const MOST_STACKED: usize = 1 << 14;

/// Most unfinished containers inside each other.
const MOST_MARKS: usize = 1_000;

/// Bytes that the objects of a small pickle may take; of a larger one it is [`FACTOR`] times its length.
const LEAST_ALLOWED: usize = 1 << 16;

/// Bytes of objects for a byte of a pickle.
const FACTOR: usize = 4;

/// `None`, the first object.
const NONE: Id = 0;

/// An empty place of the memo.
const EMPTY: Id = u32::MAX;

/// Reads the pickle at the start of some bytes. What follows it is left alone.
pub(crate) fn read<'a>(bytes: impl Into<Cow<'a, [u8]>>) -> Read<Pickle<'a>> {
    let bytes = bytes.into();
    if u32::try_from(bytes.len()).is_err() {
        return Err("a pickle of more than 4 GB".into());
    }
    let mut machine = Machine {
        nodes: vec![Node::None],
        calls: Vec::new(),
        links: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        allowed: (FACTOR * bytes.len()).max(LEAST_ALLOWED),
    };
    let mut code = Code::new(&bytes);
    loop {
        let at = code.at();
        let in_place = |e: String| format!("{e}, at byte {at} of a pickle");
        match code.next().map_err(in_place)? {
            Op::Stop => break,
            op => machine.execute(op).map_err(in_place)?,
        }
    }
    let length = code.at();
    let root = machine.pop().map_err(|e| format!("{e}, at the end of a pickle"))?;
    let Machine { nodes, calls, links, .. } = machine;
    Ok(Pickle { bytes, length, nodes, calls, links, root })
}

/// A pickle under way.
struct Machine {
    nodes: Vec<Node>,
    calls: Vec<Call>,
    links: Vec<Link>,
    stack: Vec<Id>,
    /// Heights of the stack at which containers begin.
    marks: Vec<usize>,
    memo: Vec<Id>,
    /// Bytes that objects may still take.
    allowed: usize,
}

impl Machine {
    fn execute(&mut self, op: Op) -> Read<()> {
        match op {
            Op::Nothing => Ok(()),
            Op::None => self.push(NONE),
            Op::Bool(value) => self.make(Node::Bool(value)),
            Op::Int(value) => self.make(value.map_or(Node::Huge, Node::Int)),
            Op::Float(value) => self.make(Node::Float(value)),
            Op::Bytes(span) => self.make(Node::Bytes(span)),
            Op::Text(span) => self.make(Node::Text(span)),
            Op::Empty(kind) => self.collect(kind, &[]),
            Op::Collect(kind) => {
                let items = self.above_mark()?;
                self.collect(kind, &items)
            }
            Op::Tuple(count) => {
                let items = self.take(count)?;
                self.collect(Kind::Tuple, &items)
            }
            Op::Extend => {
                let items = self.above_mark()?;
                self.extend(&items)
            }
            Op::Append(count) => {
                let items = self.take(count)?;
                self.extend(&items)
            }
            Op::Persistent => {
                let id = self.pop()?;
                self.make(Node::Persistent(id))
            }
            Op::PersistentText(span) => {
                let id = self.add(Node::Text(span))?;
                self.make(Node::Persistent(id))
            }
            other => self.rearrange(other),
        }
    }

    /// Executes what moves values and makes none.
    fn rearrange(&mut self, op: Op) -> Read<()> {
        match op {
            Op::Mark => self.mark(),
            Op::Pop => self.drop_top(),
            Op::PopMark => self.above_mark().map(drop),
            Op::Dup => {
                let top = self.top()?;
                self.push(top)
            }
            Op::Put(place) => self.put(place),
            Op::Memoize => self.put(self.memo.len()),
            Op::Get(place) => {
                let known = self.memo.get(place).copied().filter(|id| *id != EMPTY);
                self.push(known.ok_or("a reference to nothing")?)
            }
            other => self.import_or_call(other),
        }
    }

    /// Notes what `Python` would import or call.
    fn import_or_call(&mut self, op: Op) -> Read<()> {
        match op {
            Op::Global(module, name) => {
                let global = self.global(module, name)?;
                self.push(global)
            }
            Op::StackGlobal => {
                let [name, module] = [self.pop()?, self.pop()?];
                self.make(Node::Global { module, name })
            }
            Op::Call => {
                let [args, callable] = [self.pop()?, self.pop()?];
                self.call(callable, args)
            }
            Op::CallWithKeywords => {
                let [_keywords, args, callable] = [self.pop()?, self.pop()?, self.pop()?];
                self.call(callable, args)
            }
            Op::CallMarked => {
                let items = self.above_mark()?;
                let (callable, args) = items.split_first().ok_or("a call of nothing")?;
                self.call_with(*callable, args)
            }
            Op::Instance(module, name) => {
                let items = self.above_mark()?;
                let callable = self.global(module, name)?;
                self.call_with(callable, &items)
            }
            Op::Build => self.set_state(),
            _ => unreachable!("every instruction has its place"),
        }
    }

    /// Counts the memory of objects.
    fn spend(&mut self, bytes: usize) -> Read<()> {
        let left = self.allowed.checked_sub(bytes);
        self.allowed = left.ok_or("far more objects than a file of this length should have")?;
        Ok(())
    }

    fn add(&mut self, node: Node) -> Read<Id> {
        self.spend(size_of::<Node>())?;
        self.nodes.push(node);
        Ok((self.nodes.len() - 1) as Id)
    }

    fn make(&mut self, node: Node) -> Read<()> {
        let id = self.add(node)?;
        self.push(id)
    }

    fn push(&mut self, id: Id) -> Read<()> {
        if self.stack.len() >= MOST_STACKED {
            return Err(format!("more than {MOST_STACKED} values at once"));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Returns the height of the stack at which the unfinished container begins.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Read<Id> {
        self.stack[self.floor()..].last().copied().ok_or_else(|| "a value is missing".into())
    }

    fn pop(&mut self) -> Read<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Drops the last value, or the last mark where nothing came after it.
    fn drop_top(&mut self) -> Read<()> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn take(&mut self, count: usize) -> Read<Vec<Id>> {
        let from = self.stack.len().checked_sub(count).filter(|from| *from >= self.floor());
        Ok(self.stack.split_off(from.ok_or("a value is missing")?))
    }

    fn mark(&mut self) -> Read<()> {
        if self.marks.len() >= MOST_MARKS {
            return Err(format!("more than {MOST_MARKS} containers inside each other"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn above_mark(&mut self) -> Read<Vec<Id>> {
        let from = self.marks.pop().ok_or("a container that never began")?;
        Ok(self.stack.split_off(from))
    }

    fn put(&mut self, place: usize) -> Read<()> {
        let id = self.top()?;
        if let Some(known) = self.memo.get_mut(place) {
            *known = id;
            return Ok(());
        }
        let more = (place - self.memo.len()).saturating_add(1);
        self.spend(more.saturating_mul(size_of::<Id>()))?;
        self.memo.resize(place, EMPTY);
        self.memo.push(id);
        Ok(())
    }

    fn collect(&mut self, kind: Kind, items: &[Id]) -> Read<()> {
        let chain = self.link(kind, items, Chain::EMPTY)?;
        self.make(Node::Items { kind, chain })
    }

    /// Puts items into the container, or the result of a call, that is at the top.
    fn extend(&mut self, items: &[Id]) -> Read<()> {
        let id = self.top()? as usize;
        match self.nodes[id] {
            Node::Items { kind: Kind::Tuple, .. } => Err("items are put into a tuple".into()),
            Node::Items { kind, chain } => {
                let chain = self.link(kind, items, chain)?;
                self.nodes[id] = Node::Items { kind, chain };
                Ok(())
            }
            Node::Call(number) => {
                let number = number as usize;
                self.calls[number].items =
                    self.link(Kind::List, items, self.calls[number].items)?;
                Ok(())
            }
            _ => Err("items are put into what is no container".into()),
        }
    }

    /// Appends items to a chain.
    fn link(&mut self, kind: Kind, items: &[Id], mut chain: Chain) -> Read<Chain> {
        if kind == Kind::Dict && !items.len().is_multiple_of(2) {
            return Err("a key without a value".into());
        }
        self.spend(items.len() * size_of::<Link>())?;
        for item in items {
            let place = self.links.len() as u32;
            self.links.push(Link { item: *item, next: END });
            match self.links.get_mut(chain.last as usize) {
                Some(before) => before.next = place,
                None => chain.first = place,
            }
            chain.last = place;
        }
        Ok(chain)
    }

    fn global(&mut self, module: Span, name: Span) -> Read<Id> {
        let [module, name] = [self.add(Node::Text(module))?, self.add(Node::Text(name))?];
        self.add(Node::Global { module, name })
    }

    fn call_with(&mut self, callable: Id, args: &[Id]) -> Read<()> {
        self.collect(Kind::Tuple, args)?;
        let args = self.pop()?;
        self.call(callable, args)
    }

    fn call(&mut self, callable: Id, args: Id) -> Read<()> {
        self.spend(size_of::<Call>())?;
        let number = self.calls.len() as u32;
        self.calls.push(Call { callable, args, items: Chain::EMPTY, state: NONE });
        self.make(Node::Call(number))
    }

    /// Notes the state that the result of a call would be given.
    fn set_state(&mut self) -> Read<()> {
        let state = self.pop()?;
        match self.nodes[self.top()? as usize] {
            Node::Call(number) => {
                let call = &mut self.calls[number as usize];
                if call.state != NONE {
                    return Err("a state is set twice".into());
                }
                call.state = state;
                Ok(())
            }
            _ => Err("a state is set of what has none".into()),
        }
    }
}
