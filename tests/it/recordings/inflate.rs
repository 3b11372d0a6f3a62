//! Gzip, as some recorders keep bodies and files (RFC 1951, RFC 1952). What is damaged is `None`.

/// The content of a gzip member, whose length it tells at its end.
pub(crate) fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let flags = *bytes.get(3)?;
    if !is_gzip(bytes) || bytes[2] != 8 {
        return None;
    }
    let mut rest = bytes.get(10..)?;
    if flags & 4 != 0 {
        let length = usize::from(*rest.first()?) | usize::from(*rest.get(1)?) << 8;
        rest = rest.get(2 + length..)?;
    }
    // Name and comment end in a zero.
    for flag in [8, 16] {
        if flags & flag != 0 {
            rest = &rest[rest.iter().position(|byte| *byte == 0)? + 1..];
        }
    }
    let mut bits = Bits { bytes: rest.get(if flags & 2 == 0 { 0 } else { 2 }..)?, at: 0 };
    let out = inflate(&mut bits)?;
    let length = bits.bytes.get(bits.at.div_ceil(8) + 4..)?.first_chunk::<4>()?;
    (u32::from_le_bytes(*length) as usize == out.len()).then_some(out)
}

/// Whether bytes are gzip: header fields alone do not tell, recorders keep them over bodies that they decoded.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Bits, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, n: u32) -> Option<usize> {
        (0..n).try_fold(0, |value, shift| {
            let bit = self.bytes.get(self.at / 8)? >> (self.at % 8) & 1;
            self.at += 1;
            Some(value | usize::from(bit) << shift)
        })
    }
}

/// A canonical Huffman code: how many codes of each length there are, and the symbols in their order.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|symbol| lengths[*symbol] > 0).collect();
        for symbol in &symbols {
            counts[lengths[*symbol]] += 1;
        }
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return self.symbols.get(index + code - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

fn inflate(bits: &mut Bits<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let is_last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => {
                let start = bits.at.div_ceil(8);
                let length = usize::from(*bits.bytes.get(start)?) | usize::from(*bits.bytes.get(start + 1)?) << 8;
                out.extend_from_slice(bits.bytes.get(start + 4..start + 4 + length)?);
                bits.at = (start + 4 + length) * 8;
            }
            1 => {
                let literals: Vec<usize> = (0..288)
                    .map(|n| match n {
                        144..256 => 9,
                        256..280 => 7,
                        _ => 8,
                    })
                    .collect();
                block(bits, &Code::new(&literals), &Code::new(&[5; 30]), &mut out)?;
            }
            2 => {
                let (literals, distances) = codes(bits)?;
                block(bits, &literals, &distances, &mut out)?;
            }
            _ => return None,
        }
        if is_last {
            return Some(out);
        }
    }
}

/// The codes of a block, themselves coded.
fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances) = (bits.take(5)? + 257, bits.take(5)? + 1);
    let mut lengths = [0; 19];
    for symbol in &ORDER[..bits.take(4)? + 4] {
        lengths[*symbol] = bits.take(3)?;
    }
    let code = Code::new(&lengths);
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match code.read(bits)? {
            16 => (*lengths.last()?, bits.take(2)? + 3),
            17 => (0, bits.take(3)? + 3),
            18 => (0, bits.take(7)? + 11),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    Some((Code::new(lengths.get(..literals)?), Code::new(lengths.get(literals..literals + distances)?)))
}

fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code, out: &mut Vec<u8>) -> Option<()> {
    loop {
        match literals.read(bits)? {
            literal @ 0..256 => out.push(literal as u8),
            256 => return Some(()),
            symbol => {
                let length = run(symbol - 257, 4, bits)? + 3;
                let distance = run(distances.read(bits)?, 2, bits)? + 1;
                let from = out.len().checked_sub(distance)?;
                (from..from + length).for_each(|at| out.push(out[at]));
            }
        }
    }
}

/// Lengths and distances: after the first few, every `per` symbols take one more bit.
fn run(symbol: usize, per: usize, bits: &mut Bits<'_>) -> Option<usize> {
    if (per, symbol) == (4, 28) {
        return Some(255);
    }
    let extra = (symbol / per).saturating_sub(1);
    let base = if symbol < per * 2 { symbol } else { (per + symbol % per) << extra };
    Some(base + bits.take(extra as u32)?)
}

#[test]
fn what_was_compressed_comes_back() {
    use base64::Engine as _;
    let check = |base64: &str, expect: Option<&str>| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
        assert_eq!(gunzip(&bytes).as_deref(), expect.map(str::as_bytes), "{base64}");
    };
    check("H4sIAAAAAAAEAwEPAPD/c3RvcmVkIGFzIGl0IGlzZXjRWg8AAAA=", Some("stored as it is"));
    check("H4sIAAAAAAACA0tMSk5EQgCjjCfTDwAAAA==", Some("abcabcabcabcabc"));
    check("H4sICG3qB2sC/25hbWUudHh0AMtLzE1NAQCHzOBxBQAAAA==", Some("named"));
    check("H4sIAAAAAAACA0tMSk5EQgCjjCfTDwAAAQ==", None);
    let text = (0..60).map(|i| format!("event {} of {}; ", i * i, i % 7)).collect::<Vec<_>>().concat();
    check(
        "H4sIAAAAAAACA12TQXLDMAwDv+InECRFSZP3uMf20un7G4WxGPiIsccLEPD5d37/HnL8fB3yOM6XwlK4lC+ll5pL2X4zlvRLaluyXdJeT2N/aBIlnDADxIEIkxSEgjuxEJNgmEE0TW8oq0E8HZzM1IlnAeJ5+qtwDuL54HhNJ/FaD+JF+tu8yOeb15Xz9fz+5g3n1mb6q97Sf91TbgEheYG6KBr3h/cNayeaR95QWHDKZ0vO2HbvMdLoR5G5hML24KgYuaTCTruVKel0YxX3papwWjVxwqoLN6otndaEQniz2oXT6khKYSe4Vns73ViD8XCfQ+S0ZsG/pPm4uv0Ha3avss4DAAA=",
        Some(&text),
    );
    check("e30=", None);
}
