//! What the contracts say about access, read once from the descriptors.

use std::{collections::BTreeMap, sync::OnceLock};

use prost::Message;
use prost_reflect::{DescriptorPool, ExtensionDescriptor, MessageDescriptor, ReflectMessage as _};

use crate::tilgang::{Dataklasse, Delpost, Grunntekst, Ressurs, Tilgang};

/// A set of data classes: bit `n` is the class with number `n`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Klasser(u32);

impl Klasser {
    /// No class.
    pub const INGEN: Self = Self(0);

    /// The set with these classes; UNSPECIFIED is never a member.
    #[must_use]
    pub const fn av(classes: &[Dataklasse]) -> Self {
        let mut bits = 0;
        let mut rest = classes;
        while let [first, tail @ ..] = rest {
            bits |= 1 << (*first as u32);
            rest = tail;
        }
        Self(bits & !1)
    }

    /// Every class that the contract knows.
    #[must_use]
    pub fn alle() -> Self {
        (1..32)
            .filter_map(|n| Dataklasse::try_from(n).ok())
            .collect()
    }

    /// From the bit set of an access-log row; bits of unknown classes are dropped.
    #[must_use]
    pub fn fra_bits(bits: u32) -> Self {
        Self(bits) & Self::alle()
    }

    /// As a bit set.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the class is a member. UNSPECIFIED never is.
    #[must_use]
    pub const fn har(self, class: Dataklasse) -> bool {
        class as u32 != 0 && self.0 & (1 << (class as u32)) != 0
    }

    /// Whether every member of `other` is a member.
    #[must_use]
    pub const fn har_alle(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it has no member.
    #[must_use]
    pub const fn er_tom(self) -> bool {
        self.0 == 0
    }

    /// Members of `self` that are not in `other`.
    #[must_use]
    pub const fn uten(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Members in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Dataklasse> {
        (1..32)
            .filter(move |n| self.0 & (1 << n) != 0)
            .filter_map(|n| Dataklasse::try_from(n).ok())
    }
}

impl std::ops::BitOr for Klasser {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Klasser {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl std::ops::BitAnd for Klasser {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Dataklasse> for Klasser {
    fn from_iter<I: IntoIterator<Item = Dataklasse>>(classes: I) -> Self {
        classes
            .into_iter()
            .fold(Self::INGEN, |set, class| set | Self::av(&[class]))
    }
}

/// Short names: `HELSE|FUNKSJON`.
impl std::fmt::Display for Klasser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, class) in self.iter().enumerate() {
            if n > 0 {
                f.write_str("|")?;
            }
            f.write_str(kortnavn(class))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Klasser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Klasser({self})")
    }
}

/// The class without its enum prefix: `HELSE`.
#[must_use]
pub fn kortnavn(class: Dataklasse) -> &'static str {
    class
        .as_str_name()
        .strip_prefix("DATAKLASSE_")
        .unwrap_or_default()
}

/// A record type of the contracts.
#[derive(Debug, Clone)]
pub struct Ressurstype {
    /// The option in the contract.
    pub ressurs: Ressurs,
    /// Message that carries it.
    pub melding: MessageDescriptor,
    /// All classes that occur in it, at any depth, except TEKNISK.
    pub klasser: Klasser,
}

impl Ressurstype {
    /// Whether a name is one of the type: `personer/{uuid}/vedtak/{id}`.
    #[must_use]
    pub fn har_navn(&self, name: &str) -> bool {
        let Ressurs {
            monster,
            monster_uten_subjekt,
            ..
        } = &self.ressurs;
        [monster, monster_uten_subjekt]
            .into_iter()
            .any(|pattern| !pattern.is_empty() && passer(pattern, name))
    }
}

fn passer(pattern: &str, name: &str) -> bool {
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let uuid = |part: &str| {
        let dash = |place: usize| [8, 13, 18, 23].contains(&place);
        let mut letters = part.bytes().enumerate();
        part.len() == 36 && letters.all(|(place, c)| if dash(place) { c == b'-' } else { hex(c) })
    };
    let id = |part: &str| {
        let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c);
        (1..=64).contains(&part.len()) && part.bytes().all(letter)
    };
    let mut parts = name.split('/');
    let fits = pattern.split('/').all(|expected| {
        parts.next().is_some_and(|part| match expected {
            "{person}" | "{sak}" => uuid(part),
            _ if expected.starts_with('{') => id(part),
            _ => part == expected,
        })
    });
    fits && parts.next().is_none()
}

/// A method of the contracts.
#[derive(Debug, Clone)]
pub struct Metode {
    /// Path on the wire: `/samspor.rop.v1.JournalService/HentAapentNotat`.
    pub sti: String,
    /// Service that answers by the package (`rop`); empty when a request
    /// field names it.
    pub tjeneste: String,
    /// The option in the contract.
    pub tilgang: Tilgang,
    /// Request message.
    pub inn: MessageDescriptor,
    /// Response message.
    pub ut: MessageDescriptor,
    /// Whether the answer is a stream.
    pub strom: bool,
}

/// The option extensions, resolved once.
#[derive(Debug, Clone)]
pub struct Utvidelser {
    /// `(klasse)` on fields.
    pub klasse: ExtensionDescriptor,
    /// `(filter)` on fields.
    pub filter: ExtensionDescriptor,
    /// `(ressurs)` on messages.
    pub ressurs: ExtensionDescriptor,
    /// `(delpost)` on messages.
    pub delpost: ExtensionDescriptor,
    /// `(tilgang)` on methods.
    pub tilgang: ExtensionDescriptor,
    /// `(grunn)` on enum values.
    pub grunn: ExtensionDescriptor,
}

/// All contracts.
#[derive(Debug)]
pub struct Kontrakter {
    /// The descriptors with their options.
    pub pool: DescriptorPool,
    /// The option extensions.
    pub utvidelser: Utvidelser,
    /// Record types by short name.
    pub ressurser: BTreeMap<String, Ressurstype>,
    /// Methods by path.
    pub metoder: BTreeMap<String, Metode>,
}

/// The contracts compiled into this crate.
///
/// # Panics
/// When the embedded descriptor set is not one: a fault of the build, and so
/// covered by every test that starts anything.
pub fn kontrakter() -> &'static Kontrakter {
    static KONTRAKTER: OnceLock<Kontrakter> = OnceLock::new();
    #[expect(
        clippy::expect_used,
        reason = "the descriptor set is embedded by build.rs; without it nothing can run"
    )]
    KONTRAKTER.get_or_init(|| Kontrakter::les(crate::DESCRIPTOR_SET).expect("embedded contracts"))
}

impl Kontrakter {
    /// Reads a descriptor set.
    ///
    /// # Errors
    /// When it does not decode, or lacks the options of `samspor.tilgang.v1`.
    pub fn les(descriptor_set: &[u8]) -> Result<Self, String> {
        let pool = DescriptorPool::decode(descriptor_set).map_err(|e| e.to_string())?;
        let extension = |name: &str| {
            pool.get_extension_by_name(&format!("samspor.tilgang.v1.{name}"))
                .ok_or_else(|| format!("the contracts lack the option {name}"))
        };
        let utvidelser = Utvidelser {
            klasse: extension("klasse")?,
            filter: extension("filter")?,
            ressurs: extension("ressurs")?,
            delpost: extension("delpost")?,
            tilgang: extension("tilgang")?,
            grunn: extension("grunn")?,
        };

        let mut ressurser = BTreeMap::new();
        for melding in pool.all_messages() {
            if let Some(ressurs) = utvidelser.ressurs_av(&melding) {
                let mut klasser = Klasser::INGEN;
                utvidelser.samle_klasser(&melding, &mut Vec::new(), &mut klasser);
                let type_name = ressurs.r#type.clone();
                let klasser = klasser.uten(Klasser::av(&[Dataklasse::Teknisk]));
                let entry = Ressurstype {
                    ressurs,
                    melding,
                    klasser,
                };
                if ressurser.insert(type_name.clone(), entry).is_some() {
                    return Err(format!("two messages declare the record type {type_name}"));
                }
            }
        }

        let mut metoder = BTreeMap::new();
        for service in pool.services() {
            for method in service.methods() {
                let Some(tilgang) = option(&method.options(), &utvidelser.tilgang) else {
                    continue;
                };
                let tilgang: Tilgang = tilgang;
                let tjeneste = match tilgang.rute_felt.as_str() {
                    "" => package_name(service.package_name()).to_owned(),
                    _ => String::new(),
                };
                let sti = format!("/{}/{}", service.full_name(), method.name());
                metoder.insert(
                    sti.clone(),
                    Metode {
                        sti,
                        tjeneste,
                        tilgang,
                        inn: method.input(),
                        ut: method.output(),
                        strom: method.is_server_streaming(),
                    },
                );
            }
        }
        Ok(Self {
            pool,
            utvidelser,
            ressurser,
            metoder,
        })
    }

    /// The text of an error reason, by its number in `Feilgrunn`.
    #[must_use]
    pub fn grunntekst(&self, grunn: i32) -> Option<Grunntekst> {
        let reasons = self.pool.get_enum_by_name("samspor.felles.v1.Feilgrunn")?;
        option(&reasons.get_value(grunn)?.options(), &self.utvidelser.grunn)
    }
}

impl Utvidelser {
    /// Class of a field; UNSPECIFIED when the contract gives none.
    #[must_use]
    pub fn klasse_av(&self, field: &prost_reflect::FieldDescriptor) -> Dataklasse {
        field
            .options()
            .get_extension(&self.klasse)
            .as_enum_number()
            .and_then(|n| Dataklasse::try_from(n).ok())
            .unwrap_or_default()
    }

    /// Whether a request field is a filter of a list.
    #[must_use]
    pub fn er_filter(&self, field: &prost_reflect::FieldDescriptor) -> bool {
        field.options().get_extension(&self.filter).as_bool() == Some(true)
    }

    /// The record classification of a message, when it is a record.
    #[must_use]
    pub fn ressurs_av(&self, message: &MessageDescriptor) -> Option<Ressurs> {
        option(&message.options(), &self.ressurs)
    }

    /// The part classification of a message, when it is part of a record.
    #[must_use]
    pub fn delpost_av(&self, message: &MessageDescriptor) -> Option<Delpost> {
        option(&message.options(), &self.delpost)
    }

    fn samle_klasser(
        &self,
        message: &MessageDescriptor,
        seen: &mut Vec<String>,
        classes: &mut Klasser,
    ) {
        if seen.iter().any(|name| name == message.full_name()) {
            return;
        }
        seen.push(message.full_name().to_owned());
        for field in message.fields() {
            *classes |= Klasser::av(&[self.klasse_av(&field)]);
            if let prost_reflect::Kind::Message(inner) = field.kind() {
                self.samle_klasser(&inner, seen, classes);
            }
        }
    }
}

/// `rop` of `samspor.rop.v1`.
fn package_name(package: &str) -> &str {
    package.split('.').nth(1).unwrap_or_default()
}

fn option<T: Message + Default>(
    options: &prost_reflect::DynamicMessage,
    extension: &ExtensionDescriptor,
) -> Option<T> {
    if !options.has_extension(extension) {
        return None;
    }
    let value = options.get_extension(extension);
    let message = value.as_message()?;
    debug_assert!(!message.descriptor().full_name().is_empty());
    message.transcode_to().ok()
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

    /// Seen red: with a person that is no UUID, and with a longer name.
    #[test]
    fn a_name_is_one_of_its_type() {
        const ID: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
        let types = &kontrakter().ressurser;
        for (type_, name, is) in [
            ("vedtak", format!("personer/{ID}/vedtak/{ID}"), true),
            ("vedtak", format!("personer/{ID}/oppdrag/{ID}"), false),
            ("vedtak", format!("personer/{ID}/vedtak/{ID}/linjer"), false),
            ("vedtak", format!("personer/{ID}/vedtak"), false),
            ("vedtak", format!("personer/01819010001/vedtak/{ID}"), false),
            ("vedtak", format!("personer/{ID}/vedtak/A B"), false),
            ("avvik", format!("avvik/{ID}"), true),
            ("avvik", format!("avvik/{}", ID.to_uppercase()), false),
            ("hendelse", format!("enheter/rop/hendelser/{ID}"), true),
            ("hendelse", String::new(), false),
        ] {
            assert_eq!(types[type_].har_navn(&name), is, "{type_} {name}");
        }
    }

    #[test]
    fn the_options_survive_the_build() {
        let contracts = kontrakter();
        assert!(contracts.ressurser.contains_key("hendelse"));
        let method = &contracts.metoder["/samspor.hendelse.v1.HendelseService/Folg"];
        assert_eq!(method.tilgang.navn_felt, "parent");
        assert_eq!(method.tjeneste, "");
        assert!(
            contracts
                .grunntekst(1)
                .is_some_and(|text| text.kode == "NOT_FOUND")
        );
    }
}
