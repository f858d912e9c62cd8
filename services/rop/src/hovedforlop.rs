//! Hovedforløp 1–3 («Sammen om mestring», IS-2076): in which a person is, from
//! when to when, and who decided.
//!
//! Invariants: one at a time; the periods of a person neither overlap nor lie
//! in the future; one that is registered late says why, and is not older than
//! the figures that have been reported.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, AvsluttHovedforlopRequest, AvsluttHovedforlopResponse, Forlop,
    ListHovedforlopRequest, ListHovedforlopResponse, SettHovedforlopRequest,
    SettHovedforlopResponse,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innstillinger::{Innstillinger, innstillinger},
    lager::{self, Post},
    oppfolging, plandekning, tabell,
};

const SAMLING: &str = "hovedforlop";

/// One period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Periode {
    #[serde(with = "tall")]
    forlop: Forlop,
    fra: Dag,
    til: Option<Dag>,
    besluttet_av: Aktor,
    begrunnelse: String,
    #[serde(default)]
    sen_begrunnelse: String,
    registrert: Tid,
    hjemmel: Hjemmel,
}

impl lager::Innhold for Periode {
    const SAMLING: &'static str = SAMLING;
    const SQL: &'static lager::Sql = tabell!("hovedforlop");

    fn apen(&self) -> bool {
        self.til.is_none()
    }

    fn nokkel(&self) -> String {
        i32::from(self.forlop).to_string()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.til.map_or(lager::APENT, Dag::slutt))
    }

    fn fra(&self) -> Tid {
        self.fra.start()
    }

    /// The unit counts who has one.
    fn lagret<'t>(tx: &'t mut Tx, person: &'t str) -> BoxFuture<'t, Result<(), Error>> {
        plandekning::oppdater(tx, person).boxed()
    }
}

fn to_proto(periode: &Post<Periode>) -> proto::Hovedforlop {
    let Periode {
        forlop,
        fra,
        til,
        besluttet_av,
        begrunnelse,
        sen_begrunnelse,
        registrert,
        hjemmel,
    } = periode.innhold.clone();
    proto::Hovedforlop {
        name: periode.name(),
        etag: periode.etag(),
        ansvarlig_enhet: navn::enhet(&periode.enhet),
        forlop: forlop.into(),
        fra: fra.to_string(),
        til: til.map(|day| day.to_string()).unwrap_or_default(),
        besluttet_av: Some(besluttet_av.to_proto()),
        begrunnelse,
        sen_begrunnelse,
        registrert: Some(registrert.into()),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}

/// Ends a period with its last day.
///
/// # Errors
/// A fault of `field` where the period would end before it began or in the
/// future.
fn avslutt(
    mut periode: Periode,
    til: Dag,
    now: Tid,
    field: &'static str,
) -> Result<Periode, Refusal> {
    let mut faults = FieldFaults::new();
    if til < periode.fra {
        faults.contradicts(field, "fra", "perioden ville slutte før den begynte");
    } else if til > Dag::av(now) {
        faults.form(field, "en dag som ikke er i framtiden");
    }
    faults.finish()?;
    periode.til = Some(til);
    Ok(periode)
}

/// First day of a period that is registered now; late only with a reason.
fn les_fra(
    request: &SettHovedforlopRequest,
    now: Tid,
    innstillinger: &Innstillinger,
    faults: &mut FieldFaults,
) -> Option<Dag> {
    let today = Dag::av(now);
    let eldst = today.pluss_maneder(-i32::from(innstillinger.hovedforlop_maneder));
    let sen = today.pluss_dager(-i32::from(innstillinger.etterregistrering_dager));
    let fra = felt::pakrevd_dag(&request.fra, "fra", faults)?;
    if fra > today || fra < eldst {
        let form = format_args!("en dag fra {eldst}, som ikke er i framtiden");
        faults.form("fra", form);
    } else if fra < sen && request.sen_begrunnelse.trim().is_empty() {
        faults.missing("sen_begrunnelse");
    }
    Some(fra)
}

pub(crate) async fn sett(
    tx: &mut Tx,
    request: SettHovedforlopRequest,
) -> Result<SettHovedforlopResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let fra = les_fra(&request, now, innstillinger()?, &mut faults);
    let sen_begrunnelse = felt::tekst(
        &request.sen_begrunnelse,
        "sen_begrunnelse",
        felt::LANG,
        &mut faults,
    );
    let forlop = felt::valg(
        request.forlop,
        "forlop",
        "samspor.rop.v1.Forlop",
        &mut faults,
    );
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    faults.finish()?;
    let fra = fra.ok_or_else(|| Error::internal("no day and no fault"))?;
    oppfolging::rpc::folg(tx, &person).await?;
    match lager::apne::<Periode>(tx, &person).await?.pop() {
        Some(mut before) => {
            before.innhold = avslutt(before.innhold, fra.pluss_dager(-1), now, "fra")?;
            lager::lagre(tx, &mut before).await?;
        }
        None => krev_etter_siste(tx, &person, fra).await?,
    }
    let periode = Periode {
        forlop,
        fra,
        til: None,
        besluttet_av: av,
        begrunnelse,
        sen_begrunnelse,
        registrert: now,
        hjemmel,
    };
    let periode = Post::ny(ENHET, person, tx.new_id(), periode);
    lager::legg_til(tx, &periode).await?;
    let mut out = Virkninger::new();
    out.hendelse("HovedforlopSatt", &periode.emne(), [periode.enhet.clone()]);
    out.utfor(tx);
    Ok(SettHovedforlopResponse {
        hovedforlop: Some(to_proto(&periode)),
    })
}

/// A period begins after the one that was registered last has ended.
async fn krev_etter_siste(tx: &mut Tx, person: &str, fra: Dag) -> Result<(), Error> {
    let parent = navn::person(person);
    let (last, _) = lager::personens::<Periode>(tx, &parent, 1, "").await?;
    let overlaps = last.iter().any(|last| last.innhold.til >= Some(fra));
    let mut faults = FieldFaults::new();
    if overlaps {
        faults.contradicts("fra", "til", "en tidligere periode varte lenger");
    }
    Ok(faults.finish()?)
}

pub(crate) async fn avslutt_navngitt(
    tx: &mut Tx,
    request: AvsluttHovedforlopRequest,
) -> Result<AvsluttHovedforlopResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let til = felt::pakrevd_dag(&request.til, "til", &mut faults);
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let mut periode = lager::hent_for_endring::<Periode>(tx, &request.name, faults).await?;
    let til = til.ok_or_else(|| Error::internal("no day and no fault"))?;
    if periode.innhold.til.is_some() {
        return Err(Refusal::transition("AVSLUTTET", &[]).into());
    }
    periode.innhold = avslutt(periode.innhold, til, tx.now(), "til")?;
    periode.innhold.begrunnelse = format!("{}\n{reason}", periode.innhold.begrunnelse);
    lager::lagre(tx, &mut periode).await?;
    let mut out = Virkninger::new();
    out.hendelse(
        "HovedforlopAvsluttet",
        &periode.emne(),
        [periode.enhet.clone()],
    );
    out.utfor(tx);
    Ok(AvsluttHovedforlopResponse {
        hovedforlop: Some(to_proto(&periode)),
    })
}

/// The unit follows the person no more: the period ends today, or with the day
/// on which it began.
pub(crate) async fn avslutt_alle(
    tx: &mut Tx,
    person: &str,
    slutt: &oppfolging::Slutt,
) -> Result<(), Error> {
    for mut periode in lager::apne::<Periode>(tx, person).await? {
        periode.innhold.til = Some(Dag::av(slutt.tid).max(periode.innhold.fra));
        lager::lagre(tx, &mut periode).await?;
    }
    Ok(())
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListHovedforlopRequest,
) -> Result<ListHovedforlopResponse, Error> {
    let (periods, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListHovedforlopResponse {
        hovedforlop: periods.iter().map(to_proto).collect(),
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_proto::felles::Feilgrunn;

    use super::*;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);

    /// First day, reason for being late, which field is wrong and why.
    ///
    /// Seen red: with a bound that is further back.
    #[test]
    fn a_pathway_that_is_registered_late_says_why() {
        for (fra, reason, fault) in [
            ("2027-01-15", "", None),
            ("2027-01-16", "", Some(("fra", Feilgrunn::FeltForm))),
            ("2026-12-16", "", None),
            (
                "2026-12-15",
                " ",
                Some(("sen_begrunnelse", Feilgrunn::FeltMangler)),
            ),
            ("2026-12-15", "glemt", None),
            ("2026-01-15", "glemt", None),
            ("2026-01-14", "glemt", Some(("fra", Feilgrunn::FeltForm))),
        ] {
            let request = SettHovedforlopRequest {
                fra: fra.into(),
                sen_begrunnelse: reason.into(),
                ..Default::default()
            };
            let mut faults = FieldFaults::new();
            les_fra(&request, NOW, innstillinger().unwrap(), &mut faults);
            let found = faults.finish().err().and_then(|mut r| r.felt.pop());
            let found = found.map(|fault| (fault.felt, fault.grunn));
            let expected = fault.map(|(field, reason)| (field.to_owned(), reason));
            assert_eq!(found, expected, "{fra} {reason}");
        }
    }
}
