//! The bit vector of a dependency map: one bit per dependency, set once satisfied.

/// A fixed number of bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bits {
    size: u32,
    unset: u32,
    bytes: Vec<u8>,
}

impl Bits {
    /// `size` clear bits.
    pub fn new(size: u32) -> Self {
        Bits {
            size,
            unset: size,
            bytes: vec![0; (size as usize).div_ceil(8)],
        }
    }

    /// Number of bits.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Number of clear bits.
    pub fn unset(&self) -> u32 {
        self.unset
    }

    /// True if no bit is clear; so also if there are none.
    pub fn all_set(&self) -> bool {
        self.unset == 0
    }

    /// False beyond the end.
    pub fn is_set(&self, bit: u32) -> bool {
        let byte = self.bytes.get(bit as usize / 8).copied().unwrap_or(0);
        bit < self.size && byte & (1 << (bit % 8)) != 0
    }

    /// Sets a bit; again is harmless.
    ///
    /// # Panics
    /// If `bit` is not below [`Bits::size`]: a bug of the caller.
    pub fn set(&mut self, bit: u32) {
        assert!(bit < self.size, "bit {bit} of {}", self.size);
        if !self.is_set(bit) {
            self.bytes[bit as usize / 8] |= 1 << (bit % 8);
            self.unset -= 1;
        }
    }

    /// The size as a varint, then the bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(self.bytes.len() + 5);
        prost::encode_length_delimiter(self.size as usize, &mut encoded)
            .expect("a Vec takes any number of bytes");
        encoded.extend_from_slice(&self.bytes);
        encoded
    }

    /// The inverse of [`Bits::encode`]; `None` if damaged.
    pub fn decode(mut encoded: &[u8]) -> Option<Self> {
        let size = prost::decode_length_delimiter(&mut encoded).ok()?;
        if encoded.len() != size.div_ceil(8) {
            return None;
        }
        let mut bits = Bits::new(u32::try_from(size).ok()?);
        bits.bytes.copy_from_slice(encoded);
        let set = (0..bits.size).filter(|bit| bits.is_set(*bit)).count();
        bits.unset -= u32::try_from(set).ok()?;
        Some(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t11_size_2000_takes_250_bytes_and_beyond_the_end_is_false() {
        let mut bits = Bits::new(2000);
        assert_eq!(bits.bytes.len(), 250);
        bits.set(1999);
        assert!(bits.is_set(1999) && !bits.is_set(2000));
        assert_eq!(bits.unset(), 1999);
        assert!(std::panic::catch_unwind(move || bits.set(2000)).is_err());
    }

    #[test]
    fn t11_serialized_is_a_varint_size_and_the_bytes() {
        assert_eq!(Bits::default().encode(), [0]);
        let mut bits = Bits::new(2);
        bits.set(0);
        bits.set(1);
        assert_eq!(bits.encode(), [2, 3]);
        let mut one = Bits::new(2);
        one.set(0);
        assert_eq!(one.encode(), [2, 1]);
        assert_eq!(Bits::decode(&[2, 1]), Some(one));
    }

    #[test]
    fn damaged_bits_are_refused() {
        assert_eq!(Bits::decode(&[]), None);
        assert_eq!(Bits::decode(&[9, 1]), None);
        assert_eq!(Bits::decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), None);
    }
}
