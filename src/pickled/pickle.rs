//! The objects of a pickle, and questions to them.

use std::borrow::Cow;

use super::pickle_code::{Kind, Span};

/// The number of an object.
pub(crate) type Id = u32;

/// The end of a chain of items.
pub(crate) const END: u32 = u32::MAX;

/// An object. Containers and calls are numbers of a table, so that each takes 16 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// An integer of more than 64 bits, whose value nobody needs.
    Huge,
    Bytes(Span),
    Text(Span),
    /// Items in the order in which they were put in; keys and values of a dictionary take turns.
    Items {
        kind: Kind,
        chain: Chain,
    },
    /// A name that `Python` would import.
    Global {
        module: Id,
        name: Id,
    },
    /// What a call of something would make, by its place in [`Pickle::calls`].
    Call(u32),
    /// What the program that wrote the file stores elsewhere.
    Persistent(Id),
}

/// The first and the last link of a chain of items; [`END`] where there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Chain {
    pub(crate) const EMPTY: Self = Self { first: END, last: END };
}

/// What a call would make: it is not made. What it would be given afterwards is kept: items, and a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) callable: Id,
    pub(crate) args: Id,
    pub(crate) items: Chain,
    pub(crate) state: Id,
}

/// One item of a container, and the place of the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) item: Id,
    pub(crate) next: u32,
}

/// The objects of a pickle.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    /// The pickle's bytes, and what may follow it.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// The bytes that it takes of them.
    pub(crate) length: usize,
    pub(crate) nodes: Vec<Node>,
    pub(crate) calls: Vec<Call>,
    pub(crate) links: Vec<Link>,
    /// The object that the pickle is of.
    pub(crate) root: Id,
}

impl Pickle<'_> {
    /// Returns the object that the pickle is of.
    pub(crate) fn root(&self) -> Value<'_> {
        Value { pickle: self, id: self.root }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Value<'_>> {
        (0..self.nodes.len()).map(|id| Value { pickle: self, id: id as Id })
    }

    /// Returns the identifier of each object that is stored elsewhere.
    pub(crate) fn persistent(&self) -> impl Iterator<Item = Value<'_>> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Persistent(id) => Some(Value { pickle: self, id: *id }),
            _ => None,
        })
    }
}

/// An object of a pickle.
#[derive(Clone, Copy)]
pub(crate) struct Value<'p> {
    pickle: &'p Pickle<'p>,
    id: Id,
}

impl<'p> Value<'p> {
    fn of(&self, id: Id) -> Self {
        Self { id, ..*self }
    }

    fn node(&self) -> Node {
        self.pickle.nodes[self.id as usize]
    }

    fn called(&self) -> Option<Call> {
        let Node::Call(number) = self.node() else { return None };
        Some(self.pickle.calls[number as usize])
    }

    pub(crate) fn int(&self) -> Option<i64> {
        if let Node::Int(value) = self.node() { Some(value) } else { None }
    }

    /// Returns a number.
    pub(crate) fn float(&self) -> Option<f64> {
        match self.node() {
            Node::Float(value) => Some(value),
            Node::Int(value) => Some(value as f64),
            _ => None,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.node(), Node::None)
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        if let Node::Bool(value) = self.node() { Some(value) } else { None }
    }

    /// Returns a text, or bytes that are UTF-8: `Python` 2 made no difference.
    pub(crate) fn text(&self) -> Option<&'p str> {
        let (Node::Text(span) | Node::Bytes(span)) = self.node() else { return None };
        std::str::from_utf8(span.of(&self.pickle.bytes)).ok()
    }

    pub(crate) fn bytes(&self) -> Option<&'p [u8]> {
        if let Node::Bytes(span) = self.node() { Some(span.of(&self.pickle.bytes)) } else { None }
    }

    /// Returns the items of a tuple.
    pub(crate) fn tuple(&self) -> Option<Vec<Self>> {
        let Node::Items { kind: Kind::Tuple, chain } = self.node() else { return None };
        Some(self.items(chain).collect())
    }

    /// Returns the items of a list or a tuple.
    pub(crate) fn sequence(&self) -> Option<Vec<Self>> {
        let Node::Items { kind: Kind::Tuple | Kind::List, chain } = self.node() else {
            return None;
        };
        Some(self.items(chain).collect())
    }

    fn items(self, Chain { first, .. }: Chain) -> impl Iterator<Item = Self> {
        let mut next = first;
        std::iter::from_fn(move || {
            let Link { item, next: after } = *self.pickle.links.get(next as usize)?;
            next = after;
            Some(self.of(item))
        })
    }

    /// Returns keys and values of a dictionary, or of what an `OrderedDict` was called for.
    pub(crate) fn entries(&self) -> Option<Vec<(Self, Self)>> {
        let chain = match (self.node(), self.called()) {
            (Node::Items { kind: Kind::Dict, chain }, _) => chain,
            (_, Some(call)) if self.calls("collections", "OrderedDict").is_some() => call.items,
            _ => return None,
        };
        let items: Vec<Self> = self.items(chain).collect();
        Some(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }

    /// Returns the value of a key of a dictionary; the last one, if there are several.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let entries = self.entries()?;
        entries.into_iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// Returns the module and the name of what would be imported.
    pub(crate) fn global(&self) -> Option<(&'p str, &'p str)> {
        let Node::Global { module, name } = self.node() else { return None };
        Some((self.of(module).text()?, self.of(name).text()?))
    }

    /// Returns what would be called, where this is the result of a call.
    pub(crate) fn callable(&self) -> Option<Self> {
        self.called().map(|call| self.of(call.callable))
    }

    /// Returns the arguments, where this is what a call of a name would make.
    pub(crate) fn calls(&self, module: &str, name: &str) -> Option<Vec<Self>> {
        let call = self.called()?;
        let of_name = self.of(call.callable).global()? == (module, name);
        if of_name { self.of(call.args).tuple() } else { None }
    }

    /// Returns the state that the result of a call would be given.
    pub(crate) fn state(&self) -> Option<Self> {
        self.called().map(|call| self.of(call.state))
    }

    /// Returns an attribute of an object of a class.
    pub(crate) fn attribute(&self, name: &str) -> Option<Self> {
        self.state()?.get(name)
    }

    /// Returns the identifier of an object that is stored elsewhere.
    pub(crate) fn persistent(&self) -> Option<Self> {
        if let Node::Persistent(id) = self.node() { Some(self.of(id)) } else { None }
    }
}
