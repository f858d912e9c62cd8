//! The protobuf wire format, read strictly and without copying.

/// Deepest nesting of messages that is read.
pub const MAX_DEPTH: u32 = 64;

/// Highest field number of the wire format.
const MAX_FIELD: u64 = (1 << 29) - 1;

/// A message that cannot be read. The texts hold no value of the message; a
/// caller may see them, for its own request, under `UGYLDIG_MELDING`. In an
/// answer of a service it is a fault of that service: INTERNAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("the message ends inside a field")]
    Truncated,
    /// A varint has more bytes or bits than it may.
    #[error("a number is longer than it may be")]
    Overlong,
    /// A length reaches past the enclosing message.
    #[error("a length reaches past its message")]
    Length,
    /// A field number is 0 or out of range, or the wire type does not exist.
    #[error("a field number or wire type is out of range")]
    Tag,
    /// A field has another wire type than the contract says.
    #[error("field {0} has another wire type than the contract says")]
    WireType(u32),
    /// A field that is not repeated stands twice.
    #[error("field {0} is given more than once")]
    Duplicate(u32),
    /// A group is not closed, or closed without being open.
    #[error("a group is not closed")]
    Group,
    /// Messages are nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than 64")]
    Depth,
    /// A text is not UTF-8.
    #[error("field {0} is not UTF-8")]
    Utf8(u32),
    /// A record has no name, or one that does not follow its pattern.
    #[error("a record has no name of its pattern")]
    Name,
    /// A record names a person or an owner in a form that is not one.
    #[error("field {0} does not hold a name")]
    Reference(u32),
    /// Not one verdict per record: a fault of the caller.
    #[error("there is not one verdict for each record")]
    Verdicts,
}

/// How a field's value stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    GroupStart = 3,
    GroupEnd = 4,
    Fixed32 = 5,
}

impl Wire {
    #[inline]
    const fn of(bits: u64) -> Option<Self> {
        Some(match bits {
            0 => Self::Varint,
            1 => Self::Fixed64,
            2 => Self::Len,
            3 => Self::GroupStart,
            4 => Self::GroupEnd,
            5 => Self::Fixed32,
            _ => return None,
        })
    }
}

/// A place in a body; positions are those of the whole body, so that nested
/// messages can be cut out of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'b> {
    /// The body up to the end of the message that is read.
    buf: &'b [u8],
    pub(super) pos: usize,
}

impl<'b> Cursor<'b> {
    #[inline]
    pub(super) const fn new(body: &'b [u8]) -> Self {
        Self { buf: body, pos: 0 }
    }

    /// Reads from `start` to `end` of the same body.
    #[inline]
    pub(super) fn inside(&self, start: usize, end: usize) -> Result<Self, WireError> {
        let buf = self.buf.get(..end).ok_or(WireError::Length)?;
        Ok(Self { buf, pos: start })
    }

    #[inline]
    pub(super) const fn at_end(&self) -> bool {
        self.pos >= self.buf.len()
    }

    /// Reads a varint of at most 64 bits, minimal or not.
    #[expect(clippy::inline_always, reason = "a tenth of redaction, measured")]
    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        // Tags and lengths have one byte or two.
        match self.buf.get(self.pos..) {
            Some(&[byte, ..]) if byte < 0x80 => {
                self.pos += 1;
                Ok(u64::from(byte))
            }
            Some(&[low, high, ..]) if high < 0x80 => {
                self.pos += 2;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[cold]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for (shift, &byte) in (0u32..)
            .step_by(7)
            .zip(self.buf.get(self.pos..).unwrap_or_default())
        {
            self.pos += 1;
            // The tenth byte carries the last bit alone.
            if shift == 63 && byte > 1 {
                return Err(WireError::Overlong);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::Truncated)
    }

    /// Reads a tag: field number and wire type.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<(u32, Wire), WireError> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_FIELD {
            return Err(WireError::Tag);
        }
        let wire = Wire::of(tag & 7).ok_or(WireError::Tag)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be below 2^29 above"
        )]
        Ok((number as u32, wire))
    }

    /// Reads a length and steps over what it covers: (start, end) of it.
    #[inline]
    pub(super) fn payload(&mut self) -> Result<(usize, usize), WireError> {
        let length = usize::try_from(self.varint()?).map_err(|_| WireError::Length)?;
        let start = self.pos;
        let end = start.checked_add(length).ok_or(WireError::Length)?;
        if end > self.buf.len() {
            return Err(WireError::Length);
        }
        self.pos = end;
        Ok((start, end))
    }

    /// Steps over the value of a field whose tag was just read.
    #[expect(clippy::inline_always, reason = "a tenth of redaction, measured")]
    #[inline(always)]
    pub(super) fn skip(&mut self, number: u32, wire: Wire) -> Result<(), WireError> {
        match wire {
            Wire::Len => self.payload().map(drop),
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.step(8),
            Wire::Fixed32 => self.step(4),
            Wire::GroupStart => self.skip_group(number),
            Wire::GroupEnd => Err(WireError::Group),
        }
    }

    #[inline]
    fn step(&mut self, bytes: usize) -> Result<(), WireError> {
        self.pos += bytes;
        if self.pos > self.buf.len() {
            return Err(WireError::Truncated);
        }
        Ok(())
    }

    #[cold]
    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            if self.at_end() {
                return Err(WireError::Group);
            }
            match self.tag()? {
                (number, Wire::GroupStart) => {
                    if open.len() >= MAX_DEPTH as usize {
                        return Err(WireError::Depth);
                    }
                    open.push(number);
                }
                (number, Wire::GroupEnd) => {
                    if number != innermost {
                        return Err(WireError::Group);
                    }
                    open.pop();
                }
                (number, wire) => self.skip(number, wire)?,
            }
        }
        Ok(())
    }

    /// Bytes of the body, by position.
    #[inline]
    pub(super) fn slice(&self, start: usize, end: usize) -> &'b [u8] {
        self.buf.get(start..end).unwrap_or_default()
    }

    /// A text of the body, by position.
    #[inline]
    pub(super) fn text(
        &self,
        number: u32,
        (start, end): (usize, usize),
    ) -> Result<&'b str, WireError> {
        std::str::from_utf8(self.slice(start, end)).map_err(|_| WireError::Utf8(number))
    }
}

/// Checks a packed list: whole elements and nothing else.
pub(super) fn check_packed(number: u32, element: Wire, payload: &[u8]) -> Result<(), WireError> {
    let whole = match element {
        Wire::Fixed32 => payload.len().is_multiple_of(4),
        Wire::Fixed64 => payload.len().is_multiple_of(8),
        Wire::Varint => {
            let mut cursor = Cursor::new(payload);
            while !cursor.at_end() {
                cursor.varint()?;
            }
            true
        }
        Wire::Len | Wire::GroupStart | Wire::GroupEnd => return Err(WireError::WireType(number)),
    };
    if whole {
        Ok(())
    } else {
        Err(WireError::Truncated)
    }
}

/// Bytes that a varint takes.
#[inline]
pub(super) const fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    (bits as usize).div_ceil(7)
}

/// Appends a varint.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "masked to seven bits")]
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 0x80 here")]
    out.push(value as u8);
}

/// Appends a length-delimited field.
pub(super) fn put_len(out: &mut Vec<u8>, number: u32, payload: &[u8]) {
    put_varint(out, (number as usize) << 3 | Wire::Len as usize);
    put_varint(out, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a varint field.
pub(super) fn put_number(out: &mut Vec<u8>, number: u32, value: usize) {
    put_varint(out, (number as usize) << 3 | Wire::Varint as usize);
    put_varint(out, value);
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn varints_round_trip_at_every_length() {
        for value in (0..63).flat_map(|bit| [1usize << bit, (1 << bit) - 1]) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len(), varint_len(value));
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.varint(), Ok(value as u64));
            assert!(cursor.at_end());
        }
    }

    #[test]
    fn a_varint_past_64_bits_is_refused() {
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Cursor::new(&largest).varint(), Ok(u64::MAX));
        let mut overlong = largest;
        overlong[9] = 0x02;
        assert_eq!(Cursor::new(&overlong).varint(), Err(WireError::Overlong));
        assert_eq!(Cursor::new(&[0x80; 11]).varint(), Err(WireError::Overlong));
        assert_eq!(Cursor::new(&[0x80; 9]).varint(), Err(WireError::Truncated));
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        assert_eq!(Cursor::new(&[3, 1, 2]).payload(), Err(WireError::Length));
        let mut huge = Vec::new();
        put_varint(&mut huge, usize::MAX);
        assert_eq!(Cursor::new(&huge).payload(), Err(WireError::Length));
    }

    #[test]
    fn groups_are_stepped_over_whole_or_refused() {
        // 1:group { 2:varint 5  3:group {} } then 4:varint 1
        let whole = [0x0b, 0x10, 5, 0x1b, 0x1c, 0x0c, 0x20, 1];
        let mut cursor = Cursor::new(&whole);
        let (number, wire) = cursor.tag().unwrap();
        cursor.skip(number, wire).unwrap();
        assert_eq!(cursor.tag(), Ok((4, Wire::Varint)));

        for broken in [&[0x0b, 0x10, 5][..], &[0x0b, 0x14], &[0x0c]] {
            let mut cursor = Cursor::new(broken);
            let (number, wire) = cursor.tag().unwrap();
            assert_eq!(cursor.skip(number, wire), Err(WireError::Group));
        }
        let mut cursor = Cursor::new(&[0x0b; 65]);
        let (number, wire) = cursor.tag().unwrap();
        assert_eq!(cursor.skip(number, wire), Err(WireError::Depth));
    }

    #[test]
    fn field_zero_and_wire_types_six_and_seven_do_not_exist() {
        for tag in [0x02, 0x0e, 0x0f] {
            assert_eq!(Cursor::new(&[tag]).tag(), Err(WireError::Tag));
        }
    }
}
