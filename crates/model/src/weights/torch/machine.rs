//! The machine that runs a pickle: a stack, a memo, and the instructions of a state dict.
//!
//! Protocol 2, as `torch.save` writes it; the meaning of each instruction is that of Python's
//! `pickletools`. Time and memory are linear in the length of the pickle.

use std::collections::BTreeMap;

use super::pickle::{PickleError, PickleProblem};
use super::value::{Global, Heap, MAX_VALUES, Storage, Value, View};

type Result<T, E = PickleProblem> = std::result::Result<T, E>;

/// Bytes in the name of a module or of something in it at most.
const MAX_NAME: usize = 255;

/// Dimensions of a tensor at most.
const MAX_RANK: usize = 8;

/// Runs a pickle; gives back its value, and what that refers to.
pub(super) fn run(bytes: &[u8]) -> Result<(Value<'_>, Heap<'_>), PickleError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        heap: Heap::default(),
    };
    loop {
        let at = machine.at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(value)) => return Ok((value, machine.heap)),
            Err(problem) => return Err(PickleError { at, problem }),
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which a MARK stands.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value<'a>>,
    heap: Heap<'a>,
}

impl<'a> Machine<'a> {
    /// Does one instruction; the last one gives a value.
    fn step(&mut self) -> Result<Option<Value<'a>>> {
        let value = match self.byte()? {
            0x80 => return self.protocol().map(|()| None),
            b'.' => return self.pop().map(Some),
            b'(' => return self.mark().map(|()| None),
            b'q' => return self.byte().and_then(|key| self.put(key.into())).map(|()| None),
            b'r' => return self.word().and_then(|key| self.put(key)).map(|()| None),
            b's' => return self.set_item().map(|()| None),
            b'u' => return self.set_items().map(|()| None),
            b'b' => return self.build().map(|()| None),
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool,
            b'K' => Value::Int(self.byte()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.array()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.array()?).into()),
            0x8a => self.long()?,
            b'G' => self.array::<8>().map(|_| Value::Float)?,
            b'X' => self.text()?,
            b'h' => {
                let key = self.byte()?;
                self.get(key.into())?
            }
            b'j' => {
                let key = self.word()?;
                self.get(key)?
            }
            b'}' => self.heap.dict()?,
            b')' => self.heap.tuple(Vec::new())?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.heap.tuple(items)?
            }
            code @ 0x85..=0x87 => {
                let items = self.pop_many(usize::from(code - 0x84))?;
                self.heap.tuple(items)?
            }
            b'c' => Value::Global(self.global()?),
            b'Q' => Value::Storage(self.storage()?),
            b'R' => self.reduce()?,
            code => return Err(PickleProblem::Instruction(name(code))),
        };
        self.push(value)?;
        Ok(None)
    }

    fn protocol(&mut self) -> Result<()> {
        match self.byte()? {
            2 => Ok(()),
            other => Err(PickleProblem::malformed(format!("protocol {other}, torch.save writes protocol 2"))),
        }
    }

    fn mark(&mut self) -> Result<()> {
        if self.marks.len() == MAX_VALUES {
            return Err(PickleProblem::TooMany(MAX_VALUES));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn put(&mut self, key: u32) -> Result<()> {
        let value = *self.stack.last().ok_or_else(|| PickleProblem::malformed("the stack is empty"))?;
        if self.memo.len() == MAX_VALUES {
            return Err(PickleProblem::TooMany(MAX_VALUES));
        }
        self.memo.insert(key, value);
        Ok(())
    }

    fn get(&self, key: u32) -> Result<Value<'a>> {
        let found = self.memo.get(&key).copied();
        found.ok_or_else(|| PickleProblem::malformed(format!("the memo has nothing at {key}")))
    }

    fn set_item(&mut self) -> Result<()> {
        let pair = self.pop_many(2)?;
        self.extend(&pair)
    }

    fn set_items(&mut self) -> Result<()> {
        let pairs = self.pop_to_mark()?;
        self.extend(&pairs)
    }

    /// Adds keys and values to the dict on top of the stack.
    fn extend(&mut self, flat: &[Value<'a>]) -> Result<()> {
        let (pairs, rest) = flat.as_chunks::<2>();
        match self.stack.last() {
            Some(Value::Dict(i)) if rest.is_empty() => {
                self.heap.dicts[*i].extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(PickleProblem::malformed("keys and values without a dict")),
        }
    }

    /// Python sets attributes here; those of a state dict are versions of modules.
    fn build(&mut self) -> Result<()> {
        match self.pop_many(2)?[..] {
            [dict @ Value::Dict(_), Value::Dict(_)] => self.push(dict),
            [on, _] => Err(PickleProblem::malformed(format!("attributes are set on {}", on.name()))),
            _ => Err(PickleProblem::Truncated),
        }
    }

    fn long(&mut self) -> Result<Value<'a>> {
        let length = usize::from(self.byte()?);
        let bytes = self.take(length)?;
        let mut wide = [if bytes.last().is_some_and(|byte| byte >> 7 == 1) { 0xff } else { 0 }; 8];
        match wide.get_mut(..length) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err(PickleProblem::malformed(format!("an integer of {length} bytes"))),
        }
        Ok(Value::Int(i64::from_le_bytes(wide)))
    }

    fn text(&mut self) -> Result<Value<'a>> {
        let length = self.word()? as usize;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(Value::Text).map_err(|_| PickleProblem::malformed("a text that is not UTF-8"))
    }

    fn global(&mut self) -> Result<Global> {
        let (module, name) = (self.line()?, self.line()?);
        Global::find(module, name)
            .ok_or_else(|| PickleProblem::Global { module: module.into(), name: name.into() })
    }

    /// `('storage', torch.FloatStorage, key, device, numbers)`.
    fn storage(&mut self) -> Result<Storage<'a>> {
        let id = self.pop()?;
        match *self.heap.items(id)? {
            [
                Value::Text("storage"),
                Value::Global(Global::Storage(dtype)),
                Value::Text(key),
                Value::Text(_),
                n,
            ] => Ok(Storage { dtype, key, numbers: n.size()? }),
            _ => Err(PickleProblem::malformed("a persistent id that is no storage")),
        }
    }

    /// What Python would call: here one of three things is put together.
    fn reduce(&mut self) -> Result<Value<'a>> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let arguments = self.heap.items(arguments)?;
        match (function, arguments) {
            (Value::Global(Global::OrderedDict), []) => self.heap.dict(),
            (Value::Global(Global::Tensor), &[Value::Storage(storage), offset, shape, strides, _, _, ..]) => {
                let (shape, strides) = (self.heap.sizes(shape)?, self.heap.sizes(strides)?);
                if shape.len() != strides.len() || shape.len() > MAX_RANK {
                    let (shape, strides) = (shape.len(), strides.len());
                    return Err(PickleProblem::malformed(format!(
                        "a tensor of {shape} sizes and {strides} strides"
                    )));
                }
                self.heap.tensor(View { storage, offset: offset.size()?, shape, strides })
            }
            (Value::Global(Global::Parameter), &[tensor @ Value::Tensor(_), _, _]) => Ok(tensor),
            (function, arguments) => {
                let message = format!(
                    "{} is called with {} arguments that do not fit",
                    function.name(),
                    arguments.len()
                );
                Err(PickleProblem::Malformed(message))
            }
        }
    }

    fn push(&mut self, value: Value<'a>) -> Result<()> {
        if self.stack.len() == MAX_VALUES {
            return Err(PickleProblem::TooMany(MAX_VALUES));
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        self.pop_many(1).map(|one| one[0])
    }

    /// The topmost values, which must lie above the last mark.
    fn pop_many(&mut self, count: usize) -> Result<Vec<Value<'a>>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(from) if from >= floor => Ok(self.stack.split_off(from)),
            _ => Err(PickleProblem::malformed("the stack is empty")),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>> {
        let from = self.marks.pop().ok_or_else(|| PickleProblem::malformed("there is no mark"))?;
        Ok(self.stack.split_off(from))
    }

    fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn word(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.bytes[self.at..].first_chunk().ok_or(PickleProblem::Truncated)?;
        self.at += N;
        Ok(*bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let bytes = self.bytes[self.at..].get(..length).ok_or(PickleProblem::Truncated)?;
        self.at += length;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let rest = &rest[..rest.len().min(MAX_NAME + 1)];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or(PickleProblem::Truncated)?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| PickleProblem::malformed("a name that is not UTF-8"))
    }
}

/// What Python's `pickletools` calls an instruction.
fn name(code: u8) -> String {
    let name = match code {
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'P' => "PERSID",
        b'F' | b'I' | b'L' | b'S' | b'V' | b'g' | b'p' => "of protocol 0",
        b'T' | b'U' => "BINSTRING",
        b']' | b'l' | b'a' | b'e' => "of lists",
        b'd' => "DICT",
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x82..=0x84 => "EXT",
        0x8b => "LONG4",
        b'B' | b'C' | 0x8c..=0x98 => "of a later protocol",
        _ => "unknown",
    };
    format!("{code:#04x} ({name})")
}
