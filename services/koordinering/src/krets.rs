//! The ids that are one person, and what restricts under any of them: it holds
//! for all of them. Whoever reads or changes it does so one at a time
//! (`vern::store::en_om_gangen`).

use samspor_chassis::{
    error::{Error, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::felles::Faktum;

use crate::{
    Aktor, ansvar, person,
    person::Person,
    reservasjon::{self, Reservasjon},
    sammenslaing,
    vern::{self, Vern, rules},
};

/// The ids of a person, with the protections and objections that hold and the
/// units that answer for open needs.
pub(crate) struct Krets {
    pub(crate) ider: Vec<String>,
    vern: Vec<Vern>,
    reservasjoner: Vec<Reservasjon>,
    ansvarlige: Vec<String>,
}

impl Krets {
    /// Everything under the ids of a person, and of whom the person is
    /// proposed to be merged with: until that is decided, what restricts one
    /// restricts the other.
    pub(crate) async fn les(tx: &mut Tx, person: &Person) -> Result<Self, Error> {
        let mut ider = person::store::alle_ider(tx, person).await?;
        if let Some(other) = sammenslaing::store::forslag_om(tx, person.rot()).await? {
            let other = person::store::hent(tx, &other).await?;
            ider.extend(person::store::alle_ider(tx, &other).await?);
        }
        let mut krets = Self {
            ider,
            vern: Vec::new(),
            reservasjoner: Vec::new(),
            ansvarlige: Vec::new(),
        };
        for id in &krets.ider {
            let protections = vern::store::som_virker(tx, id).await?;
            krets.vern.extend(protections);
            let objections = reservasjon::store::gjeldende(tx, id).await?;
            krets.reservasjoner.extend(objections);
            let responsible = ansvar::ansvarlige(tx, id).await?;
            krets.ansvarlige.extend(responsible);
        }
        Ok(krets)
    }

    /// The same by the id of the person.
    pub(crate) async fn om(tx: &mut Tx, id: &str) -> Result<Self, Error> {
        let person = person::store::hent(tx, id).await?;
        Self::les(tx, &person).await
    }

    /// With a protection as if it held.
    pub(crate) fn med_vern(mut self, vern: &Vern) -> Self {
        self.vern.push(vern.clone());
        self
    }

    /// Whoever may not know of the person hears that there is none.
    pub(crate) fn kan_vites_av(&self, hvem: &Aktor) -> Result<(), Refusal> {
        if self.vern.iter().any(|vern| vern.skjuler_for(hvem)) {
            return Err(Refusal::not_found());
        }
        Ok(())
    }

    /// What restricts leaves every open need, and every address protection,
    /// with a unit that sees the person.
    pub(crate) fn ingen_uten_ansvarlig(&self) -> Result<(), Refusal> {
        rules::ingen_uten_ansvarlig(&self.vern, &self.ansvarlige)
    }

    /// States a protection that begins or ends, for every id. It also changes
    /// who is mandated by others of its kind.
    pub(crate) fn si_vern(&self, tx: &mut Tx, endret: &Vern) {
        if !endret.tilstand.virker() {
            for id in &self.ider {
                state(tx, endret.fakta(id, None, tx.now()));
            }
        }
        let kind = endret.innhold.verntype();
        let same = |vern: &&Vern| {
            vern.id == endret.id
                || vern.innhold.mandat().is_some() && vern.innhold.verntype() == kind
        };
        self.si(tx, self.vern.iter().filter(same));
    }

    /// States everything that restricts, for every id.
    pub(crate) fn si_alt(&self, tx: &mut Tx) {
        self.si(tx, &self.vern);
        for id in &self.ider {
            for objection in &self.reservasjoner {
                tx.fact(objection.faktum(id));
            }
        }
    }

    /// Ends what restricts this person for ids that are another's after all.
    pub(crate) fn slipp(&self, tx: &mut Tx, ider: &[String]) {
        let now = tx.now();
        for id in ider.iter().filter(|id| !self.ider.contains(id)) {
            let objections = self
                .reservasjoner
                .iter()
                .map(|objection| objection.faktum(id));
            let facts = self.vern.iter().flat_map(|vern| vern.fakta(id, None, now));
            let ended = facts.chain(objections).map(|fact| ended(fact, now));
            state(tx, ended.collect());
        }
    }

    fn si<'v>(&self, tx: &mut Tx, protections: impl IntoIterator<Item = &'v Vern>) {
        for vern in protections {
            let mandate = rules::felles_mandat(&self.vern, vern.innhold.verntype());
            for id in &self.ider {
                state(tx, vern.fakta(id, mandate.as_ref(), tx.now()));
            }
        }
    }
}

fn ended(mut fact: Faktum, now: Tid) -> Faktum {
    if let Some(period) = &mut fact.periode {
        period.til = Some(now.into());
    }
    fact
}

fn state(tx: &mut Tx, facts: Vec<Faktum>) {
    for fact in facts {
        tx.fact(fact);
    }
}
