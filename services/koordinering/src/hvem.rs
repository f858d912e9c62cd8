//! Who acted, as the tables keep it.

use samspor_chassis::{call::Actor, error::Error};
use samspor_proto::felles::{Aktor, Rolle};

use crate::navn;

/// Who acted. The person acts as INNBYGGER, without unit and employee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hvem {
    /// Unit id; empty for the person.
    pub(crate) enhet: String,
    /// Pseudonymous employee id; empty for the person.
    pub(crate) ansatt: String,
    /// Role.
    pub(crate) rolle: Rolle,
}

impl Hvem {
    /// As one column: `rop/1/ansatt`.
    pub(crate) fn to_column(&self) -> String {
        format!("{}/{}/{}", self.enhet, i32::from(self.rolle), self.ansatt)
    }

    /// From the column.
    pub(crate) fn from_column(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, '/');
        let (Some(enhet), Some(rolle), Some(ansatt)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Error::internal("a stored actor cannot be read"));
        };
        let rolle = rolle
            .parse()
            .ok()
            .and_then(|number: i32| Rolle::try_from(number).ok())
            .ok_or_else(|| Error::internal("a stored role cannot be read"))?;
        Ok(Self {
            enhet: enhet.to_owned(),
            ansatt: ansatt.to_owned(),
            rolle,
        })
    }

    /// As the contracts carry it.
    pub(crate) fn to_proto(&self) -> Aktor {
        Aktor {
            enhet: if self.enhet.is_empty() {
                String::new()
            } else {
                navn::enhet(&self.enhet)
            },
            ansatt: self.ansatt.clone(),
            rolle: self.rolle.into(),
        }
    }
}

impl From<&Actor> for Hvem {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn column_and_back() {
        for (enhet, ansatt, rolle) in [
            ("rop", "a/b/c", Rolle::Leder),
            ("", "", Rolle::Innbygger),
            ("nav", "x", Rolle::Saksbehandler),
        ] {
            let who = Hvem {
                enhet: enhet.to_owned(),
                ansatt: ansatt.to_owned(),
                rolle,
            };
            assert_eq!(Hvem::from_column(&who.to_column()).unwrap(), who);
        }
        assert!(Hvem::from_column("rop").is_err());
        assert!(Hvem::from_column("rop/999/x").is_err());
    }
}
