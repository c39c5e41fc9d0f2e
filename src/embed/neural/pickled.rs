//! Weights as `torch.save` writes them (`pytorch_model.bin`): a pickle that names tensors, and their numbers beside it, in a
//! zip file or, as before PyTorch 1.6, one after the other.
//!
//! A pickle is a program. This one is not run: what it takes to say which tensors there are is understood, all else is an
//! error. Values are kept side by side and referred to by number, so that a small file cannot grow into a large or a deep one.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use half::{bf16, f16};
use zip::{CompressionMethod, ZipArchive};

use crate::common::language::{either, t};

/// No model's list of weights is longer, in bytes.
const LONGEST_PICKLE: u64 = 4 << 20;

/// No weight has more dimensions.
const MOST_DIMENSIONS: usize = 8;

/// How many different tensors one block of numbers may be shared by, and how often its numbers may stand in them.
const MOST_VIEWS: usize = 4096;
const MOST_COPIES: usize = 4;

/// What a file of the form before PyTorch 1.6 begins with: a pickle of the number 0x1950a86a20f9469cfc6c.
const OLD_START: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// Reads all floating point tensors of a file, in single precision.
///
/// # Errors
/// It is damaged, of another kind, or holds something else than weights; the file is named.
pub fn read(path: &Path) -> Result<HashMap<String, Tensor>> {
    read_file(path).with_context(|| path.display().to_string())
}

fn read_file(path: &Path) -> Result<HashMap<String, Tensor>> {
    let length = fs::metadata(path)?.len();
    let mut file = BufReader::new(File::open(path)?);
    let mut start = [0; OLD_START.len()];
    let read = file.read(&mut start)?;
    drop(file);
    match &start[..read] {
        start if start == OLD_START => read_old(path),
        start if start.starts_with(b"PK\x03\x04") => read_zip(path, length),
        _ => bail!(either(
            "is no file of torch.save: it begins neither as a zip file nor as the form before PyTorch 1.6",
            "不是 torch.save 写出的文件：开头既非 zip，也非 PyTorch 1.6 之前的格式"
        )),
    }
}

fn read_zip(path: &Path, length: u64) -> Result<HashMap<String, Tensor>> {
    let mut zip = ZipArchive::new(BufReader::new(File::open(path)?)).context(damaged())?;
    let names = zip.file_names().map(|name| Ok(name?.into_owned())).collect::<Result<Vec<String>>>()?;
    let mut lists = names.iter().filter_map(|name| name.strip_suffix("data.pkl"));
    let (Some(folder), None) = (lists.next(), lists.next()) else {
        bail!(either("holds no data.pkl, or several", "没有 data.pkl，或不止一个"));
    };
    // nothing in it is compressed, so that nothing is longer than the file
    let mut entry = |name: &str, most: u64| -> Result<Vec<u8>> {
        let entry = zip.by_name(&format!("{folder}{name}")).with_context(|| t!("holds no {name}", "没有 {name}"))?;
        let size = entry.size();
        ensure!(
            entry.compression() == CompressionMethod::Stored && size <= most,
            t!("{name} is compressed or too long", "{name} 被压缩或过长")
        );
        let mut bytes = Vec::with_capacity(size as usize);
        entry.take(size).read_to_end(&mut bytes).context(damaged())?;
        Ok(bytes)
    };
    if names.contains(&format!("{folder}byteorder")) {
        ensure!(
            entry("byteorder", 16)? == b"little",
            either("was written on a machine of the other byte order", "写于另一种字节序的机器")
        );
    }
    let list = entry("data.pkl", LONGEST_PICKLE.min(length))?;
    let mut pickle = Pickle::of(&list);
    let found = pickle.run()?;
    let mut left = length;
    pickle.tensors_of(found, |storage| {
        let bytes = entry(&format!("data/{}", storage.key), left)?;
        left -= bytes.len() as u64;
        Ok(bytes)
    })
}

fn read_old(path: &Path) -> Result<HashMap<String, Tensor>> {
    let bytes = fs::read(path)?;
    let mut pickle = Pickle::of(&bytes[OLD_START.len()..]);
    ensure!(pickle.byte()? == b'.', damaged());
    // the protocol's number, and facts of the machine that wrote it
    pickle.run()?;
    pickle.run()?;
    let found = pickle.run()?;
    let keys = pickle.run()?;
    let mut places = HashMap::new();
    let mut rest = &pickle.bytes[pickle.at..];
    let Value::Row(keys) = keys else { bail!(damaged()) };
    for key in pickle.rows[keys].clone() {
        let key = pickle.text(key)?;
        let storage = pickle.by_key.get(key).and_then(|storage| pickle.storages.get(*storage)).context(damaged())?;
        let count = rest.split_off(..8).context(damaged())?;
        ensure!(count == storage.count.to_le_bytes(), damaged());
        let size = storage.count.checked_mul(storage.width as u64).and_then(|size| usize::try_from(size).ok());
        places.insert(key.to_owned(), size.and_then(|size| rest.split_off(..size)).context(damaged())?);
    }
    pickle.tensors_of(found, |storage| Ok(places.get(&storage.key).context(damaged())?.to_vec()))
}

fn damaged() -> &'static str {
    either("is damaged or cut short", "已损坏或不完整")
}

/// What a pickle leaves on its stack: plain numbers, or where the rest is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    /// None, true, false, or a number with a fraction: nobody asks which.
    Plain,
    Int(i64),
    Text(usize),
    /// A tuple or a list.
    Row(usize),
    Dict(usize),
    /// The name of a class or a function, as `module name`.
    Global(usize),
    Storage(usize),
    Tensor(usize),
    Mark,
}

/// A number from its bytes.
type Number = fn(&[u8]) -> f32;

/// A block of numbers.
struct Storage {
    key: String,
    /// The bytes of a number.
    width: usize,
    /// How a number is read; none for whole numbers, which are no weights.
    number: Option<Number>,
    count: u64,
}

/// A view of a block of numbers.
#[derive(Clone, PartialEq)]
struct View {
    storage: usize,
    offset: usize,
    size: Vec<usize>,
    stride: Vec<usize>,
}

/// A pickle that is read, and what was found so far.
struct Pickle<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
    texts: Vec<String>,
    rows: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<Storage>,
    /// The storages by their keys: tensors may share one.
    by_key: HashMap<String, usize>,
    views: Vec<View>,
}

impl<'a> Pickle<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            stack: Vec::new(),
            memo: HashMap::new(),
            texts: Vec::new(),
            rows: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            by_key: HashMap::new(),
            views: Vec::new(),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end as u64 <= LONGEST_PICKLE);
        let bytes = end.and_then(|end| self.bytes.get(self.at..end)).context(damaged())?;
        self.at += count;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A number of up to eight bytes, the lowest first.
    fn number(&mut self, width: usize) -> Result<u64> {
        ensure!(width <= 8, damaged());
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take(1000).position(|byte| *byte == b'\n').context(damaged())?;
        let line = self.take(length + 1)?;
        std::str::from_utf8(&line[..length]).context(damaged())
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().filter(|value| *value != Value::Mark).context(damaged())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark).context(damaged())?;
        let values = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(values)
    }

    fn push_text(&mut self, length: usize) -> Result<()> {
        let text = std::str::from_utf8(self.take(length)?).context(damaged())?.to_owned();
        self.texts.push(text);
        self.stack.push(Value::Text(self.texts.len() - 1));
        Ok(())
    }

    fn push_row(&mut self, row: Vec<Value>) {
        self.rows.push(row);
        self.stack.push(Value::Row(self.rows.len() - 1));
    }

    fn push_dict(&mut self) {
        self.dicts.push(Vec::new());
        self.stack.push(Value::Dict(self.dicts.len() - 1));
    }

    fn push_global(&mut self, module: &str, name: &str) {
        self.texts.push(format!("{module} {name}"));
        self.stack.push(Value::Global(self.texts.len() - 1));
    }

    /// Puts keys and values into the dictionary below them.
    fn fill(&mut self, values: &[Value]) -> Result<()> {
        let (Some(Value::Dict(dict)), true) = (self.stack.last(), values.len().is_multiple_of(2)) else {
            bail!(damaged())
        };
        self.dicts[*dict].extend(values.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn append(&mut self, values: &[Value]) -> Result<()> {
        let Some(Value::Row(row)) = self.stack.last() else { bail!(damaged()) };
        self.rows[*row].extend(values);
        Ok(())
    }

    /// Follows the pickle that begins here to its end, and returns what it leaves.
    fn run(&mut self) -> Result<Value> {
        self.stack.clear();
        self.memo.clear();
        loop {
            let code = self.byte()?;
            if code == b'.' {
                return self.pop();
            }
            if !(self.number_of(code)?
                || self.name_of(code)?
                || self.remembers(code)?
                || self.gathers(code)?
                || self.makes(code)?)
            {
                bail!(t!("holds the code {code:#04x}, which no weights need", "含有权重用不到的操作码 {code:#04x}"));
            }
        }
    }

    /// Numbers, and what nobody asks for: the protocol, frames.
    fn number_of(&mut self, code: u8) -> Result<bool> {
        let value = match code {
            0x80 | 0x95 => {
                self.take(if code == 0x80 { 1 } else { 8 })?;
                return Ok(true);
            }
            b'N' | 0x88 | 0x89 => Value::Plain,
            b'G' => {
                self.take(8)?;
                Value::Plain
            }
            b'J' => Value::Int(i64::from(self.number(4)? as u32 as i32)),
            b'K' => Value::Int(self.number(1)? as i64),
            b'M' => Value::Int(self.number(2)? as i64),
            0x8a => {
                let width = self.byte()? as usize;
                let bytes = self.number(width)?;
                // the highest bit of the highest byte is the sign
                let unused = 64 - 8 * width as u32;
                Value::Int(if width == 0 { 0 } else { ((bytes << unused) as i64) >> unused })
            }
            _ => return Ok(false),
        };
        self.stack.push(value);
        Ok(true)
    }

    /// Texts, and names of classes and functions.
    fn name_of(&mut self, code: u8) -> Result<bool> {
        match code {
            b'X' | 0x8c => {
                let length = self.number(if code == b'X' { 4 } else { 1 })? as usize;
                self.push_text(length)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push_global(module, name);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (module, name) = (self.text(module)?.to_owned(), self.text(name)?.to_owned());
                self.push_global(&module, &name);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is kept under a number, and taken from there.
    fn remembers(&mut self, code: u8) -> Result<bool> {
        let number = match code {
            b'q' | b'h' => self.number(1)? as u32,
            b'r' | b'j' => self.number(4)? as u32,
            0x94 => self.memo.len() as u32,
            _ => return Ok(false),
        };
        if matches!(code, b'h' | b'j') {
            self.stack.push(*self.memo.get(&number).context(damaged())?);
        } else {
            self.memo.insert(number, *self.stack.last().context(damaged())?);
        }
        Ok(true)
    }

    /// Tuples, lists and dictionaries.
    fn gathers(&mut self, code: u8) -> Result<bool> {
        match code {
            b'(' => self.stack.push(Value::Mark),
            b')' | b']' => self.push_row(Vec::new()),
            b't' => {
                let row = self.pop_to_mark()?;
                self.push_row(row);
            }
            0x85..=0x87 => {
                let at = self.stack.len().checked_sub(code as usize - 0x84).context(damaged())?;
                let row = self.stack.split_off(at);
                self.push_row(row);
            }
            b'}' => self.push_dict(),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.fill(&[key, value])?;
            }
            b'u' => {
                let values = self.pop_to_mark()?;
                self.fill(&values)?;
            }
            b'a' => {
                let value = self.pop()?;
                self.append(&[value])?;
            }
            b'e' => {
                let values = self.pop_to_mark()?;
                self.append(&values)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What would be made by calls elsewhere.
    fn makes(&mut self, code: u8) -> Result<bool> {
        match code {
            b'Q' => {
                let described = self.pop()?;
                self.push_storage(described)?;
            }
            b'R' => {
                let (arguments, called) = (self.pop()?, self.pop()?);
                self.call(called, arguments)?;
            }
            // an object of a class
            0x81 => {
                self.pop()?;
                let Value::Global(class) = self.pop()? else { bail!(damaged()) };
                bail!(other_than_weights(&self.texts[class]));
            }
            // what is known of a dictionary beside what is in it: versions of modules
            b'b' => {
                self.pop()?;
                let Some(Value::Dict(_)) = self.stack.last() else { bail!(other_than_weights("__setstate__")) };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn text(&self, value: Value) -> Result<&str> {
        let Value::Text(text) = value else { bail!(damaged()) };
        Ok(&self.texts[text])
    }

    fn row(&self, value: Value) -> Result<&[Value]> {
        let Value::Row(row) = value else { bail!(damaged()) };
        Ok(&self.rows[row])
    }

    fn sizes(&self, value: Value) -> Result<Vec<usize>> {
        let row = self.row(value)?;
        ensure!(row.len() <= MOST_DIMENSIONS, damaged());
        row.iter().map(|value| whole(*value)).collect()
    }

    /// A block of numbers: `('storage', class, key, device, count)`.
    fn push_storage(&mut self, described: Value) -> Result<()> {
        let &[word, Value::Global(class), key, _, count, ref more @ ..] = self.row(described)? else {
            bail!(damaged())
        };
        ensure!(self.text(word)? == "storage" && matches!(more, [] | [Value::Plain]), damaged());
        let (width, number): (usize, Option<Number>) = match self.texts[class].as_str() {
            "torch FloatStorage" => (4, Some(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            "torch HalfStorage" => (2, Some(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())),
            "torch BFloat16Storage" => (2, Some(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())),
            "torch DoubleStorage" => {
                (8, Some(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32))
            }
            "torch LongStorage" => (8, None),
            "torch IntStorage" => (4, None),
            "torch ShortStorage" => (2, None),
            "torch ByteStorage" | "torch CharStorage" | "torch BoolStorage" => (1, None),
            other => bail!(other_than_weights(other)),
        };
        let (key, count) = (self.text(key)?.to_owned(), whole(count)? as u64);
        let known = self.by_key.get(&key).copied();
        let place = known.unwrap_or(self.storages.len());
        match self.storages.get(place) {
            Some(known) => ensure!(known.width == width && known.count == count, damaged()),
            None => {
                self.by_key.insert(key.clone(), place);
                self.storages.push(Storage { key, width, number, count });
            }
        }
        self.stack.push(Value::Storage(place));
        Ok(())
    }

    /// What a call would make, of those that weights need.
    fn call(&mut self, called: Value, arguments: Value) -> Result<()> {
        let Value::Global(name) = called else { bail!(damaged()) };
        match (self.texts[name].as_str(), self.row(arguments)?) {
            ("collections OrderedDict", []) => self.push_dict(),
            (
                "torch._utils _rebuild_tensor" | "torch._utils _rebuild_tensor_v2",
                &[storage, offset, size, stride, ..],
            ) => {
                let Value::Storage(storage) = storage else { bail!(damaged()) };
                let (offset, size, stride) = (whole(offset)?, self.sizes(size)?, self.sizes(stride)?);
                self.views.push(View { storage, offset, size, stride });
                self.stack.push(Value::Tensor(self.views.len() - 1));
            }
            ("torch._utils _rebuild_parameter", &[tensor @ Value::Tensor(_), ..]) => self.stack.push(tensor),
            ("torch._tensor _rebuild_from_type_v2", &[called, _, arguments, ..]) if called != Value::Global(name) => {
                let Value::Global(inner) = called else { bail!(damaged()) };
                // only what is known above, and not this one again
                ensure!(self.texts[inner] != self.texts[name], damaged());
                self.call(called, arguments)?;
            }
            (other, _) => bail!(other_than_weights(other)),
        }
        Ok(())
    }

    /// The tensors of a dictionary by their names; `block` reads a block of numbers.
    fn tensors_of(
        &self,
        found: Value,
        mut block: impl FnMut(&Storage) -> Result<Vec<u8>>,
    ) -> Result<HashMap<String, Tensor>> {
        let Value::Dict(mut dict) = found else {
            bail!(either("holds no weights by name", "没有按名称保存的权重"))
        };
        // checkpoints hold them beside other things
        for (key, value) in &self.dicts[dict] {
            if let (Value::Text(key), Value::Dict(inner)) = (key, value)
                && self.texts[*key] == "state_dict"
            {
                dict = *inner;
                break;
            }
        }
        let mut by_storage: BTreeMap<usize, Vec<(&str, &View)>> = BTreeMap::new();
        for (key, value) in &self.dicts[dict] {
            if let (Value::Text(name), Value::Tensor(view)) = (key, value) {
                let view = &self.views[*view];
                by_storage.entry(view.storage).or_default().push((&self.texts[*name], view));
            }
        }
        let mut tensors = HashMap::new();
        for (storage, named) in by_storage {
            let storage = &self.storages[storage];
            let Some(number) = storage.number else { continue };
            let bytes = block(storage)?;
            ensure!(Some(bytes.len() as u64) == storage.count.checked_mul(storage.width as u64), damaged());
            let numbers: Vec<f32> = bytes.chunks_exact(storage.width).map(number).collect();
            let (mut made, mut copied): (Vec<(&View, Tensor)>, usize) = (Vec::new(), 0);
            for (name, view) in named {
                let known = made.iter().find(|(known, _)| *known == view).map(|(_, tensor)| tensor.clone());
                let tensor = match known {
                    Some(tensor) => tensor,
                    None => {
                        let tensor = view.tensor(&numbers).with_context(|| name.to_owned())?;
                        copied += tensor.elem_count();
                        ensure!(
                            made.len() < MOST_VIEWS && copied <= MOST_COPIES * numbers.len(),
                            t!("{name}: too many views of the same numbers", "{name}：同一组数的视图过多")
                        );
                        made.push((view, tensor.clone()));
                        tensor
                    }
                };
                tensors.insert(name.to_owned(), tensor);
            }
        }
        ensure!(!tensors.is_empty(), either("holds no weights by name", "没有按名称保存的权重"));
        Ok(tensors)
    }
}

fn whole(value: Value) -> Result<usize> {
    let Value::Int(number) = value else { bail!(damaged()) };
    usize::try_from(number).context(damaged())
}

fn other_than_weights(what: &str) -> String {
    let what = what.replace(' ', ".");
    t!(
        "holds {what}, which is no weight; nothing in such a file is run: save the weights alone, \
         `torch.save(model.state_dict(), …)`, or as model.safetensors",
        "含有 {what}，不是权重；此类文件里的东西一律不执行：请只保存权重 `torch.save(model.state_dict(), …)`，或存为 model.safetensors"
    )
}

impl View {
    fn tensor(&self, numbers: &[f32]) -> Result<Tensor> {
        ensure!(self.size.len() == self.stride.len(), damaged());
        let count = self.size.iter().try_fold(1_usize, |all, size| all.checked_mul(*size)).context(damaged())?;
        ensure!(count <= numbers.len(), damaged());
        let last = self.size.iter().zip(&self.stride).try_fold(self.offset, |last, (size, stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(*stride)?)
        });
        ensure!(count == 0 || last.is_some_and(|last| last < numbers.len()), damaged());
        let mut place = vec![0; self.size.len()];
        let mut at = self.offset;
        let mut values = Vec::with_capacity(count);
        while values.len() < count {
            values.push(numbers[at]);
            // the next place, the last dimension first
            for dimension in (0..place.len()).rev() {
                place[dimension] += 1;
                at = at.wrapping_add(self.stride[dimension]);
                if place[dimension] < self.size[dimension] {
                    break;
                }
                at = at.wrapping_sub(self.stride[dimension].wrapping_mul(place[dimension]));
                place[dimension] = 0;
            }
        }
        Ok(Tensor::from_vec(values, self.size.as_slice(), &Device::Cpu)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// What a pickle says of a named view of the six numbers of the storage "0".
    fn view(name: &str, offset: u8, size: &[u8], stride: &[u8]) -> Vec<u8> {
        let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let row = |row: &[u8]| {
            [b"(".to_vec(), row.iter().flat_map(|number| [b'K', *number]).collect(), b"t".to_vec()].concat()
        };
        let storage = [
            b"(".to_vec(),
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text("0"),
            text("cpu"),
            b"K\x06tQ".to_vec(),
        ];
        let end = b"\x89ccollections\nOrderedDict\n)RtR".to_vec();
        let called = b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec();
        [text(name), called, storage.concat(), vec![b'K', offset], row(size), row(stride), end].concat()
    }

    /// What is read of a zip file of torch's that holds these views of 1 to 6, and more files.
    fn read_views(views: &[Vec<u8>], more: &[(&str, &[u8])]) -> Result<HashMap<String, Tensor>> {
        let file = tempfile::NamedTempFile::new()?;
        let mut zip = ZipWriter::new(file.reopen()?);
        let numbers: Vec<u8> = (1..=6).flat_map(|number: u8| f32::from(number).to_le_bytes()).collect();
        let list = [&b"\x80\x02}("[..], &views.concat(), b"u."].concat();
        for (name, bytes) in [("m/data.pkl", &list[..]), ("m/data/0", &numbers[..])].iter().chain(more) {
            zip.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
            zip.write_all(bytes)?;
        }
        zip.finish()?;
        read(file.path())
    }

    #[test]
    fn tensors_share_numbers_and_may_lie_across_them() -> Result<()> {
        let views = [view("whole", 0, &[2, 3], &[3, 1]), view("across", 0, &[3, 2], &[1, 3]), view("one", 4, &[], &[])];
        let tensors = read_views(&views, &[("m/byteorder", b"little")])?;
        assert_eq!(tensors["whole"].to_vec2::<f32>()?, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        assert_eq!(tensors["across"].to_vec2::<f32>()?, [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
        assert_eq!(tensors["one"].to_scalar::<f32>()?, 5.0);
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let error = |views: &[Vec<u8>], more: &[(&str, &[u8])]| {
            read_views(views, more).map(drop).map_err(|error| format!("{error:#}")).expect_err("an error")
        };
        let fine = || view("w", 0, &[6], &[1]);
        for (offset, size, stride) in
            [(1, vec![6], vec![1]), (0, vec![2, 4], vec![3, 1]), (0, vec![2], vec![6]), (0, vec![2], vec![])]
        {
            assert!(
                error(&[view("w", offset, &size, &stride)], &[]).contains("damaged"),
                "{offset} {size:?} {stride:?}"
            );
        }
        assert!(error(&[], &[]).contains("holds no weights"));
        assert!(error(&[fine()], &[("m/byteorder", b"big")]).contains("byte order"));
        assert!(error(&[fine()], &[("n/data.pkl", b".")]).contains("or several"));
        let many: Vec<Vec<u8>> =
            (0..30).map(|number| view(&format!("w{number}"), number % 3, &[2, 3], &[number % 2, 1])).collect();
        assert!(error(&many, &[]).contains("too many views"), "{}", error(&many, &[]));
        assert!(error(&[[fine(), b"cbuiltins\neval\n)\x81".to_vec()].concat()], &[]).contains("holds builtins.eval"));
    }
}
