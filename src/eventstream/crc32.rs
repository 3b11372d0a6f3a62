//! The CRC of zlib, gzip and Ethernet.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut first = 0_u32;
    while index < 256 {
        let (mut crc, mut bit) = (first, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
        first += 1;
    }
    table
}

/// The checksum of bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)];
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_zlib() {
        let check = |text: &str, expect: u32| assert_eq!(crc32(text.as_bytes()), expect, "{text:?}");
        check("", 0);
        check("123456789", 0xcbf4_3926);
        check("The quick brown fox jumps over the lazy dog", 0x414f_a339);
    }
}
