//! Sak: that the unit has a case of a person, on which what it may read rests.
//!
//! Opened by whatever is registered about the person, confirmed by a second
//! employee, another unit or the person: SOKER until then, SAK from then. It
//! ends by itself some time after the last thing in it has, so that a complaint
//! can be answered. No contract shows it.
//!
//! Invariants: one open for a person and a unit; none ends while something of
//! the person goes on.

use samspor_chassis::{
    domene::{
        Aktor, Dag, Virkninger,
        felles::{Hvem, Relasjon},
    },
    error::Error,
    lager::{self, Post},
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::felles::{Faktum, Faktumtype, Rolle};
use serde::{Deserialize, Serialize};

use crate::{apne::noe_pagar, innstillinger::innstillinger};

/// Deadline: the case ends, if nothing goes on by then.
pub(crate) const FRIST_SLUTT: &str = "sak_slutt";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sak {
    apnet: (Tid, Aktor),
    bekreftet: Option<(Tid, Aktor)>,
    slutt: Option<Tid>,
}

impl lager::Innhold for Sak {
    const SAMLING: &'static str = "saker";
    const SQL: &'static lager::Sql = tabell!("sak");

    fn apen(&self) -> bool {
        self.slutt.is_none()
    }

    fn fra(&self) -> Tid {
        self.apnet.0
    }
}

/// Whether somebody's word confirms what another registered: another unit, the
/// person, or an employee who is not the one.
fn bekrefter(av: &Aktor, enhet: &str, registrert_av: Option<&Aktor>) -> bool {
    let outside = av.enhet != enhet || av.rolle == Rolle::Innbygger;
    let second = |first: &Aktor| !av.ansatt.is_empty() && !av.er_samme_ansatte(first);
    outside || registrert_av.is_some_and(second)
}

fn fakta(post: &Post<Sak>) -> Vec<Faktum> {
    let Sak {
        apnet,
        bekreftet,
        slutt,
    } = &post.innhold;
    let confirmed = bekreftet.as_ref().map(|(at, _)| *at);
    let fact = |kind: &str, type_, (fra, av): &(Tid, Aktor), til| {
        Relasjon {
            id: format!("{kind}/{}", post.id),
            subjekt: &post.person,
            part: Hvem::Enhet(&post.enhet),
            type_,
            post: String::new(),
            fra: *fra,
            til,
            opprettet_av: &av.ansatt,
        }
        .faktum()
    };
    let mut facts = Vec::new();
    // Confirmed from the beginning, it was never unconfirmed.
    if bekreftet.as_ref() != Some(apnet) {
        facts.push(fact(
            "soker",
            Faktumtype::Soker,
            apnet,
            confirmed.or(*slutt),
        ));
    }
    if let Some(confirmed) = bekreftet {
        facts.push(fact("sak", Faktumtype::Sak, confirmed, *slutt));
    }
    facts
}

async fn apen(tx: &mut Tx, person: &str, enhet: &str) -> Result<Option<Post<Sak>>, Error> {
    let mut open = lager::apne::<Sak>(tx, person).await?.into_iter();
    Ok(open.find(|post| post.enhet == enhet))
}

/// Something of the person goes on at the unit from now: the case is open, and
/// confirmed where somebody else says so. The person's records are locked.
pub(crate) async fn folg(tx: &mut Tx, person: &str, enhet: &str) -> Result<(), Error> {
    let av = Aktor::from(&tx.call().actor);
    let now = tx.now();
    let mut out = Virkninger::new();
    let post = if let Some(mut post) = apen(tx, person, enhet).await? {
        let first = Some(&post.innhold.apnet.1);
        if post.innhold.bekreftet.is_none() && bekrefter(&av, enhet, first) {
            post.innhold.bekreftet = Some((now, av));
            out.fakta.extend(fakta(&post));
            lager::lagre(tx, &mut post).await?;
        }
        post
    } else {
        let sak = Sak {
            bekreftet: bekrefter(&av, enhet, None).then(|| (now, av.clone())),
            apnet: (now, av),
            slutt: None,
        };
        let post = Post::ny(enhet, person.to_owned(), tx.new_id(), sak);
        lager::legg_til(tx, &post).await?;
        out.fakta.extend(fakta(&post));
        post
    };
    out.slett_frist(FRIST_SLUTT, &post.name());
    out.utfor(tx);
    Ok(())
}

/// Something of the person has gone on at the unit since then, as another system
/// says: the case is open and confirmed. The person's records are locked.
pub(crate) async fn inntatt(
    tx: &mut Tx,
    person: &str,
    enhet: &str,
    fra: (Tid, Aktor),
) -> Result<(), Error> {
    let mut out = Virkninger::new();
    if let Some(post) = apen(tx, person, enhet).await? {
        out.slett_frist(FRIST_SLUTT, &post.name());
    } else {
        let sak = Sak {
            bekreftet: Some(fra.clone()),
            apnet: fra,
            slutt: None,
        };
        let post = Post::ny(enhet, person.to_owned(), tx.new_id(), sak);
        lager::legg_til(tx, &post).await?;
        out.fakta = fakta(&post);
    }
    out.utfor(tx);
    Ok(())
}

/// Something of the person has ended: was it the last, the case ends in time.
pub(crate) async fn noe_sluttet(tx: &mut Tx, person: &str, enhet: &str) -> Result<(), Error> {
    folg(tx, person, enhet).await?;
    if noe_pagar(tx, person, enhet).await? {
        return Ok(());
    }
    let Some(post) = apen(tx, person, enhet).await? else {
        return Ok(());
    };
    let due = Dag::av(tx.now()).pluss_dager(innstillinger()?.sak_dager.into());
    let mut out = Virkninger::new();
    out.frist(FRIST_SLUTT, &post.emne(), due.slutt(), None, [enhet]);
    out.utfor(tx);
    Ok(())
}

/// Its time has come.
pub(crate) async fn slutt(tx: &mut Tx, person: &str, enhet: &str) -> Result<(), Error> {
    lager::las_person(tx, person).await?;
    if noe_pagar(tx, person, enhet).await? {
        return Ok(());
    }
    if let Some(mut post) = apen(tx, person, enhet).await? {
        post.innhold.slutt = Some(tx.now());
        lager::lagre(tx, &mut post).await?;
        let mut out = Virkninger::new();
        out.fakta.extend(fakta(&post));
        out.utfor(tx);
    }
    Ok(())
}
