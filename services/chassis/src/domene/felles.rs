//! Parts that records of every service share, as they are stored: in JSON,
//! with enums of the contracts as their numbers, which never change.

use samspor_proto::felles::{self, Faktum, Faktumtype, Part, Periode, Rolle, part};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::navn;
use crate::{call::Actor, tid::Tid};

/// Who acted. The person acts as INNBYGGER, without unit and employee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aktor {
    /// Unit id; empty for the person.
    pub enhet: String,
    /// Pseudonymous employee id; empty for a system and for the person.
    pub ansatt: String,
    /// Role.
    #[serde(with = "tall")]
    pub rolle: Rolle,
}

impl Aktor {
    /// As the contracts carry it.
    #[must_use]
    pub fn to_proto(&self) -> felles::Aktor {
        felles::Aktor {
            enhet: navn::enhet(&self.enhet),
            ansatt: self.ansatt.clone(),
            rolle: self.rolle.into(),
        }
    }

    /// Whether both are the same employee. Nobody is the same as a system or
    /// the person, who have no employee id.
    #[must_use]
    pub fn er_samme_ansatte(&self, other: &Self) -> bool {
        !self.ansatt.is_empty() && self.ansatt == other.ansatt
    }
}

impl From<&Actor> for Aktor {
    fn from(actor: &Actor) -> Self {
        // Every field is named, so that a new one breaks the build here. Which
        // person acted is in the record's name already.
        let Actor {
            enhet,
            ansatt,
            rolle,
            person: _,
        } = actor;
        Self {
            enhet: enhet.clone(),
            ansatt: ansatt.clone(),
            rolle: *rolle,
        }
    }
}

/// Legal basis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hjemmel {
    /// Act or regulation.
    pub lov: String,
    /// Section.
    pub paragraf: String,
}

impl Hjemmel {
    /// As the contracts carry it.
    #[must_use]
    pub fn to_proto(&self) -> felles::Hjemmel {
        felles::Hjemmel {
            lov: self.lov.clone(),
            paragraf: self.paragraf.clone(),
        }
    }
}

/// Party of a [`Relasjon`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hvem<'a> {
    /// Unit id.
    Enhet(&'a str),
    /// Pseudonymous employee id.
    Ansatt(&'a str),
}

/// A relation that access rules build on. To end it, state it again with the
/// same id and an end.
#[derive(Debug, Clone)]
pub struct Relasjon<'a> {
    /// Stable id within the service.
    pub id: String,
    /// Person id.
    pub subjekt: &'a str,
    /// Who stands in it.
    pub part: Hvem<'a>,
    /// Kind.
    pub type_: Faktumtype,
    /// Record that it is limited to; empty: all of the person's records.
    pub post: String,
    /// First instant.
    pub fra: Tid,
    /// First instant after; none: no end.
    pub til: Option<Tid>,
    /// Employee whose act made it.
    pub opprettet_av: &'a str,
}

impl Relasjon<'_> {
    /// As the gateway reads it.
    #[must_use]
    pub fn faktum(self) -> Faktum {
        let hvem = match self.part {
            Hvem::Enhet(id) => part::Hvem::Enhet(id.to_owned()),
            Hvem::Ansatt(id) => part::Hvem::Ansatt(id.to_owned()),
        };
        Faktum {
            id: self.id,
            subjekt: self.subjekt.to_owned(),
            part: Some(Part { hvem: Some(hvem) }),
            r#type: self.type_.into(),
            post: self.post,
            klasser: Vec::new(),
            rolle: Rolle::Unspecified.into(),
            formal: samspor_proto::tilgang::Formal::Unspecified.into(),
            periode: Some(Periode {
                fra: Some(self.fra.into()),
                til: self.til.map(Into::into),
            }),
            opprettet_av: self.opprettet_av.to_owned(),
            ..Faktum::default()
        }
    }
}

/// Microseconds, as in a BIGINT column.
impl Serialize for Tid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self)
    }
}

/// `#[serde(with = "tall")]`: an enum of the contracts as its number.
pub mod tall {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    /// Writes the number.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Copy + Into<i32>,
        S: Serializer,
    {
        let number: i32 = (*value).into();
        number.serialize(serializer)
    }

    /// Reads the number.
    ///
    /// # Errors
    /// When the contract has no such value.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: TryFrom<i32>,
        D: Deserializer<'de>,
    {
        T::try_from(i32::deserialize(deserializer)?)
            .map_err(|_| D::Error::custom("a number that the contract does not have"))
    }
}

/// `#[serde(with = "mange_tall")]`: several of them.
pub mod mange_tall {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes the numbers.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T, S>(values: &[T], serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Copy + Into<i32>,
        S: Serializer,
    {
        serializer.collect_seq(values.iter().map(|value| {
            let number: i32 = (*value).into();
            number
        }))
    }

    /// Reads the numbers.
    ///
    /// # Errors
    /// When the contract has no such value.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: TryFrom<i32>,
        D: Deserializer<'de>,
    {
        Vec::<i32>::deserialize(deserializer)?
            .into_iter()
            .map(|number| {
                T::try_from(number)
                    .map_err(|_| D::Error::custom("a number that the contract does not have"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        #[serde(with = "tall")]
        rolle: Rolle,
        #[serde(with = "mange_tall")]
        roller: Vec<Rolle>,
        tid: Tid,
    }

    #[test]
    fn stored_and_back() {
        let row = Row {
            rolle: Rolle::Miljo,
            roller: vec![Rolle::Leder, Rolle::System],
            tid: Tid(-1),
        };
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(json, r#"{"rolle":4,"roller":[5,12],"tid":-1}"#);
        assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), row);
        assert!(serde_json::from_str::<Row>(r#"{"rolle":99,"roller":[],"tid":0}"#).is_err());
    }

    #[test]
    fn neither_a_system_nor_the_person_is_the_same_employee() {
        let who = |enhet: &str, ansatt: &str| Aktor {
            enhet: enhet.into(),
            ansatt: ansatt.into(),
            rolle: Rolle::Saksbehandler,
        };
        assert!(who("rop", "a").er_samme_ansatte(&who("rop", "a")));
        // Employed in two units is still one employee.
        assert!(who("rop", "a").er_samme_ansatte(&who("bom", "a")));
        assert!(!who("rop", "a").er_samme_ansatte(&who("rop", "b")));
        assert!(!who("", "").er_samme_ansatte(&who("", "")));
        assert_eq!(who("", "").to_proto().enhet, "");
    }
}
