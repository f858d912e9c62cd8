//! The wire format, read and written without the code under test.

use prost::encoding::{WireType, decode_key, decode_varint, encode_varint};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) payload: Payload,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Payload {
    Varint(u64),
    Fixed64([u8; 8]),
    Len(Vec<u8>),
    Group(Vec<Field>),
    Fixed32([u8; 4]),
}

impl Field {
    /// Reads a message that has no groups.
    pub(super) fn read(mut body: &[u8]) -> Vec<Self> {
        let mut fields = Vec::new();
        while !body.is_empty() {
            let (number, wire) = decode_key(&mut body).unwrap();
            let payload = match wire {
                WireType::Varint => Payload::Varint(decode_varint(&mut body).unwrap()),
                WireType::SixtyFourBit => Payload::Fixed64(take(&mut body, 8).try_into().unwrap()),
                WireType::ThirtyTwoBit => Payload::Fixed32(take(&mut body, 4).try_into().unwrap()),
                WireType::LengthDelimited => {
                    let length = decode_varint(&mut body).unwrap();
                    Payload::Len(take(&mut body, usize::try_from(length).unwrap()))
                }
                WireType::StartGroup | WireType::EndGroup => panic!("group"),
            };
            fields.push(Self { number, payload });
        }
        fields
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let tag =
            |wire: u64, out: &mut Vec<u8>| encode_varint(u64::from(self.number) << 3 | wire, out);
        match &self.payload {
            Payload::Varint(value) => {
                tag(0, out);
                encode_varint(*value, out);
            }
            Payload::Fixed64(bytes) => {
                tag(1, out);
                out.extend(bytes);
            }
            Payload::Len(bytes) => {
                tag(2, out);
                encode_varint(bytes.len() as u64, out);
                out.extend(bytes);
            }
            Payload::Group(fields) => {
                tag(3, out);
                for field in fields {
                    field.write(out);
                }
                tag(4, out);
            }
            Payload::Fixed32(bytes) => {
                tag(5, out);
                out.extend(bytes);
            }
        }
    }

    pub(super) fn bytes(fields: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in fields {
            field.write(&mut out);
        }
        out
    }
}

fn take(body: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = body.split_at(length);
    *body = rest;
    taken.to_vec()
}
