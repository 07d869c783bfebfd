//! The values that a state dict is made of.

use safetensors::Dtype;

use super::pickle::PickleProblem;

/// Values on the heap, the stack and in the memo at most, each. The largest published network needs 25,000.
pub(super) const MAX_VALUES: usize = 1 << 20;

/// A Python value. Compound ones lie on the [`Heap`]: one may be named several times, and none is
/// ever walked or dropped recursively, however deep a pickle nests them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool,
    Int(i64),
    Float,
    Text(&'a str),
    Tuple(usize),
    Dict(usize),
    Global(Global),
    Storage(Storage<'a>),
    Tensor(usize),
}

/// Everything that a pickle may ask for by name. None of it runs anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`: a view of a storage.
    Tensor,
    /// `torch._utils._rebuild_parameter`: a tensor that is trained.
    Parameter,
    /// `torch.FloatStorage` and its like.
    Storage(Dtype),
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::Tensor,
            ("torch._utils", "_rebuild_parameter") => Self::Parameter,
            ("torch", storage) => Self::Storage(match storage {
                "DoubleStorage" => Dtype::F64,
                "FloatStorage" => Dtype::F32,
                "HalfStorage" => Dtype::F16,
                "BFloat16Storage" => Dtype::BF16,
                // Of causal masks and counters, which are not read.
                "LongStorage" => Dtype::I64,
                "IntStorage" => Dtype::I32,
                "ShortStorage" => Dtype::I16,
                "CharStorage" => Dtype::I8,
                "ByteStorage" => Dtype::U8,
                "BoolStorage" => Dtype::BOOL,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

/// Numbers in a file of their own in the archive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Storage<'a> {
    pub dtype: Dtype,
    pub key: &'a str,
    /// How many there are.
    pub numbers: usize,
}

/// A view of a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View<'a> {
    pub storage: Storage<'a>,
    /// Its first number in the storage.
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// Compound values.
#[derive(Default)]
pub(super) struct Heap<'a> {
    pub tuples: Vec<Vec<Value<'a>>>,
    pub dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub tensors: Vec<View<'a>>,
}

impl<'a> Heap<'a> {
    pub(super) fn tuple(&mut self, items: Vec<Value<'a>>) -> Result<Value<'a>, PickleProblem> {
        keep(&mut self.tuples, items).map(Value::Tuple)
    }

    pub(super) fn dict(&mut self) -> Result<Value<'a>, PickleProblem> {
        keep(&mut self.dicts, Vec::new()).map(Value::Dict)
    }

    pub(super) fn tensor(&mut self, view: View<'a>) -> Result<Value<'a>, PickleProblem> {
        keep(&mut self.tensors, view).map(Value::Tensor)
    }

    /// The items of a tuple.
    pub(super) fn items(&self, value: Value<'a>) -> Result<&[Value<'a>], PickleProblem> {
        match value {
            Value::Tuple(i) => Ok(&self.tuples[i]),
            other => Err(PickleProblem::malformed(format!("a tuple is wanted, not {}", other.name()))),
        }
    }

    /// A tuple of sizes.
    pub(super) fn sizes(&self, value: Value<'a>) -> Result<Vec<usize>, PickleProblem> {
        self.items(value)?.iter().map(|item| item.size()).collect()
    }
}

fn keep<T>(all: &mut Vec<T>, one: T) -> Result<usize, PickleProblem> {
    if all.len() == MAX_VALUES {
        return Err(PickleProblem::TooMany(MAX_VALUES));
    }
    all.push(one);
    Ok(all.len() - 1)
}

impl Value<'_> {
    /// A number of things.
    pub(super) fn size(self) -> Result<usize, PickleProblem> {
        match self {
            Self::Int(n) => usize::try_from(n)
                .map_err(|_| PickleProblem::malformed(format!("{n} where a size from 0 up is wanted"))),
            other => Err(PickleProblem::malformed(format!("a size is wanted, not {}", other.name()))),
        }
    }

    /// What it is, with its article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float => "a number",
            Self::Text(_) => "a text",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::Global(_) => "a name",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}
