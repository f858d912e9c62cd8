//! What boligkontor's events ask of the unit, as one that allocates care
//! dwellings, and what they end: a right that became a dwelling waits no more.

use std::collections::BTreeSet;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Dag, Emne, Virkninger, kalender, navn},
    error::Error,
    feeds::Consumer,
    store::Tx,
    tid::Tid,
};
use samspor_proto::hendelse::Hendelse;

use super::{store, utfor};
use crate::{BOLIGKONTOR, ENHET, frister::frister, vedtak};

/// What boligkontor tells the unit waits in its work list.
pub(crate) const FRA_BOLIGKONTOR: Consumer = Consumer {
    from: BOLIGKONTOR,
    enhet: ENHET,
    apply: bruk,
};

/// Deadline: an application for a dwelling is assessed.
const FRIST_BOLIGSAK: &str = "boligsak";
/// Deadline: the person is found another dwelling.
const FRIST_FINN_BOLIG: &str = "finn_bolig";
/// Deadline: the unit says what it does in a joint case about arrears.
const FRIST_RESTANSE: &str = "restanse";
/// Deadline: a concern about a tenant is answered.
const FRIST_BEKYMRING: &str = "bekymring";
/// Deadline: it is seen to where a tenant goes whose tenancy is ended.
const FRIST_OPPSAGT: &str = "leieforhold_oppsagt";
/// Deadline: it is seen to what follows for a tenant who wants no follow-up.
const FRIST_OPPFOLGING_AVSLATT: &str = "oppfolging_avslatt";
/// Events that say that the unit decided on what a person is granted, or looked at
/// it anew.
const VURDERT: [&str; 6] = [
    "VedtakFattet",
    "VedtakEndret",
    "VedtakFornyet",
    "VedtakGjenopptatt",
    "VedtakEvaluert",
    "VedtakOpphort",
];

/// What an event asks for, about its record. An application that rests on a right
/// is told here too where another unit allocates: then it asks for nothing.
fn ber_om(hendelse: &Hendelse) -> Option<&'static str> {
    let own = hendelse.eier == navn::enhet(ENHET);
    match hendelse.r#type.as_str() {
        "BoligsakMottatt" if own => Some(FRIST_BOLIGSAK),
        "TilbudAvslatt" | "VetoNedlagt" | "ReservasjonUtlopt" if own => Some(FRIST_FINN_BOLIG),
        "RestanseVarslet" => Some(FRIST_RESTANSE),
        "BekymringMottatt" => Some(FRIST_BEKYMRING),
        "LeieforholdOppsagt" => Some(FRIST_OPPSAGT),
        "OppfolgingAvslatt" => Some(FRIST_OPPFOLGING_AVSLATT),
        _ => None,
    }
}

/// What about its record an event ends.
fn gjort(hendelse: &str) -> &'static [&'static str] {
    match hendelse {
        "BoligsakGodkjent" | "BoligsakAvslatt" | "BoligsakTrukket" => &[FRIST_BOLIGSAK],
        "BoligletingAvsluttet" => &[FRIST_FINN_BOLIG],
        "RestansesakBesvart" | "RestansesakAvgjort" => &[FRIST_RESTANSE],
        "BekymringBekreftet" => &[FRIST_BEKYMRING],
        "OppsigelseTrukket" => &[FRIST_OPPSAGT],
        "LeieforholdAvsluttet" => &[FRIST_OPPSAGT, FRIST_OPPFOLGING_AVSLATT],
        _ => &[],
    }
}

/// What the unit does itself ends what no record of boligkontor's says is done: it
/// has seen to who wants no follow-up when it decides on what the person is
/// granted, or looks at it anew.
pub(super) async fn gjort_selv(tx: &mut Tx, out: &mut Virkninger) -> Result<(), Error> {
    let looked = out.hendelser.iter();
    let persons: BTreeSet<String> = looked
        .filter(|event| VURDERT.contains(&event.type_))
        .map(|event| event.emne.person.clone())
        .collect();
    for person in persons {
        for post in store::personens(tx, &person, FRIST_OPPFOLGING_AVSLATT).await? {
            out.slett_frist(FRIST_OPPFOLGING_AVSLATT, &post);
        }
    }
    Ok(())
}

/// What became of a dwelling that was let by a right, by its type.
enum OmRett {
    /// It was let.
    Oppfylt(&'static str),
    /// It is the person's no more; one of another type may be, by the same right.
    Opphort(&'static str, Option<&'static str>),
}

fn om_rett(hendelse: &str) -> Option<OmRett> {
    const OMSORGSBOLIG: &str = "omsorgsbolig";
    const UTLEIE: &str = "kommunal_utleie";
    Some(match hendelse {
        "OmsorgsboligrettOppfylt" => OmRett::Oppfylt(OMSORGSBOLIG),
        "UtleierettOppfylt" => OmRett::Oppfylt(UTLEIE),
        "OmsorgsboligrettOpphort" => OmRett::Opphort(OMSORGSBOLIG, None),
        "UtleierettOpphort" => OmRett::Opphort(UTLEIE, None),
        "OmsorgsboligrettByttetTilUtleie" => OmRett::Opphort(OMSORGSBOLIG, Some(UTLEIE)),
        "UtleierettByttetTilOmsorgsbolig" => OmRett::Opphort(UTLEIE, Some(OMSORGSBOLIG)),
        _ => return None,
    })
}

/// The effect of one event.
pub(crate) fn bruk(tx: &mut Tx, hendelse: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
    async move {
        let person = hendelse.post.strip_prefix("personer/");
        let Some(person) = person.and_then(|rest| rest.split('/').next()) else {
            return Ok(());
        };
        crate::las_person(tx, person).await?;
        let committed = hendelse.tid.and_then(|at| Tid::try_from(at).ok());
        let since = committed.unwrap_or(tx.now());
        if let Some(change) = om_rett(&hendelse.r#type) {
            let right = &hendelse.post;
            return match change {
                OmRett::Oppfylt(type_) => vedtak::bolig::oppfylt(tx, right, type_, since).await,
                OmRett::Opphort(type_, kept) => {
                    vedtak::bolig::opphort(tx, right, type_, kept).await
                }
            };
        }
        let mut out = Virkninger::new();
        if let Some(kind) = ber_om(&hendelse) {
            let emne = Emne {
                person: person.to_owned(),
                post: hendelse.post.clone(),
                eier: ENHET.to_owned(),
            };
            let last = Dag::av(since).pluss_dager(frister().boligoppgave.dager);
            let due = kalender::til_arbeidsdag(last.slutt());
            out.frist(kind, &emne, due, None, [ENHET]);
        }
        for kind in gjort(&hendelse.r#type) {
            out.slett_frist(kind, &hendelse.post);
        }
        utfor(tx, out).await
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_chassis::{
        store::Store,
        testing::{Database, request_id},
    };
    use samspor_proto::bestillerkontor::{
        Boligrett, FattVedtakResponse, ListVenteposterRequest, RegistrerEvalueringRequest,
        Ventepost, Ventetype,
    };

    use super::*;
    use crate::{
        MIGRATIONS,
        eierprove::{P, fattet, hos, kall},
        forlopsprove::an_evaluation,
    };

    samspor_chassis::on_both_databases! {
        each_event_puts_its_row_there_and_another_takes_it_away,
        a_right_waits_until_what_it_is_to_was_let_and_again_when_that_ends,
        a_right_to_a_bofellesskap_is_met_by_what_the_person_moves_to,
        who_wants_no_follow_up_waits_until_a_vedtak_is_looked_at_anew,
    }

    async fn hendt(store: &Store, type_: &str, post: &str, eier: &str) {
        let event = Hendelse {
            r#type: type_.into(),
            post: post.into(),
            eier: eier.into(),
            ..Default::default()
        };
        let id = request_id();
        let done = store.write(hos(ENHET, "a1"), &id, move |tx| {
            async move {
                bruk(tx, event).await?;
                Ok::<_, Error>(FattVedtakResponse::default())
            }
            .boxed()
        });
        done.await.unwrap();
    }

    /// Kinds of what waits for the unit about the person and boligkontor's
    /// records, and the right to a dwelling.
    async fn venter(store: &Store) -> Vec<Ventetype> {
        let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
        let request = ListVenteposterRequest {
            parent: navn::enhet(ENHET),
            ..Default::default()
        };
        let list = super::super::rpc::list(&mut tx, request).await.unwrap();
        let housing = |kind: &Ventetype| {
            *kind == Ventetype::Bolig || *kind as i32 >= Ventetype::Boligsak as i32
        };
        let kinds = list.venteposter.iter().map(Ventepost::r#type);
        let mut kinds: Vec<Ventetype> = kinds.filter(housing).collect();
        kinds.sort_unstable_by_key(|kind| *kind as i32);
        kinds
    }

    /// Once however often it comes, gone when it is done; what another unit
    /// allocates asks for nothing here; the right waits until it is a dwelling.
    ///
    /// Seen red: with applications of others, without the end of the search, with
    /// `oppfylt` that changes nothing, and with a tenancy whose end ends no row.
    async fn each_event_puts_its_row_there_and_another_takes_it_away(database: Database) {
        let store = database.open(MIGRATIONS).await;
        let decided = fattet(&store).await;
        assert_eq!(venter(&store).await, [Ventetype::Bolig]);
        let of =
            |collection: &str| format!("{P}/{collection}/0192f0a1-7b2c-7d3e-8f40-516273849506");
        let (own, other) = ("enheter/bestillerkontor", "enheter/rop");
        let case = of("boligsaker");
        hendt(&store, "BoligsakMottatt", &case, other).await;
        assert_eq!(venter(&store).await, [Ventetype::Bolig]);
        for _ in 0..2 {
            hendt(&store, "BoligsakMottatt", &case, own).await;
            let waits = [Ventetype::Bolig, Ventetype::Boligsak];
            assert_eq!(venter(&store).await, waits);
        }
        hendt(&store, "BoligsakGodkjent", &case, own).await;
        assert_eq!(venter(&store).await, [Ventetype::Bolig]);
        hendt(&store, "TilbudAvslatt", &of("reservasjoner"), own).await;
        let waits = [Ventetype::Bolig, Ventetype::FinnBolig];
        assert_eq!(venter(&store).await, waits);
        let next = format!("{P}/reservasjoner/0192f0a1-7b2c-7d3e-8f40-516273849507");
        hendt(&store, "BoligReservert", &next, own).await;
        hendt(&store, "BoligletingAvsluttet", &next, own).await;
        assert_eq!(venter(&store).await, waits, "of another type");
        hendt(&store, "BoligletingAvsluttet", &of("reservasjoner"), own).await;
        assert_eq!(venter(&store).await, [Ventetype::Bolig]);
        hendt(
            &store,
            "RestanseVarslet",
            &of("restansesaker"),
            "enheter/boligkontor",
        )
        .await;
        hendt(&store, "BekymringMottatt", &of("bekymringer"), own).await;
        let waits = [Ventetype::Bolig, Ventetype::Restanse, Ventetype::Bekymring];
        assert_eq!(venter(&store).await, waits);
        hendt(&store, "RestansesakBesvart", &of("restansesaker"), own).await;
        hendt(&store, "BekymringBekreftet", &of("bekymringer"), own).await;
        assert_eq!(venter(&store).await, [Ventetype::Bolig]);
        let tenancy = of("leieforhold");
        for _ in 0..2 {
            hendt(&store, "OppfolgingAvslatt", &tenancy, own).await;
            let waits = [Ventetype::Bolig, Ventetype::OppfolgingAvslatt];
            assert_eq!(venter(&store).await, waits);
        }
        hendt(&store, "LeieforholdAvsluttet", &tenancy, own).await;
        assert_eq!(venter(&store).await, [Ventetype::Bolig]);
        for end in ["OppsigelseTrukket", "LeieforholdAvsluttet"] {
            for _ in 0..2 {
                hendt(
                    &store,
                    "LeieforholdOppsagt",
                    &tenancy,
                    "enheter/boligkontor",
                )
                .await;
                let waits = [Ventetype::Bolig, Ventetype::LeieforholdOppsagt];
                assert_eq!(venter(&store).await, waits);
            }
            hendt(&store, end, &tenancy, "enheter/boligkontor").await;
            assert_eq!(venter(&store).await, [Ventetype::Bolig], "{end}");
        }
        for _ in 0..2 {
            hendt(&store, "OmsorgsboligrettOppfylt", &decided.name, own).await;
            assert_eq!(venter(&store).await, []);
        }
        let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
        let (person, id) = navn::krev_post(&decided.name, vedtak::SAMLING).unwrap();
        let kept = vedtak::store::hent(&mut tx, &person, &id).await.unwrap();
        assert_eq!(kept.forlop.boligmeldinger.len(), 1);
    }

    /// A right to a care dwelling is met by none that is let, whoever named the
    /// vedtak in the application; it waits anew when the dwelling is the person's
    /// no more. A vedtak that there is not stops nobody.
    ///
    /// Seen red: with `rett_til` that does not ask for the type; without `opphort`.
    async fn a_right_waits_until_what_it_is_to_was_let_and_again_when_that_ends(
        database: Database,
    ) {
        let store = database.open(MIGRATIONS).await;
        let decided = fattet(&store).await.name;
        let own = "enheter/bestillerkontor";
        let nothing = format!("{P}/vedtak/0192f0a1-7b2c-7d3e-8f40-516273849506");
        let waits = [Ventetype::Bolig];
        let table: [(&str, &str, &[Ventetype]); 10] = [
            ("UtleierettOppfylt", &decided, &waits),
            ("OmsorgsboligrettOppfylt", &nothing, &waits),
            ("OmsorgsboligrettOppfylt", &decided, &[]),
            ("UtleierettOpphort", &decided, &[]),
            ("OmsorgsboligrettOpphort", &nothing, &[]),
            ("OmsorgsboligrettOpphort", &decided, &waits),
            ("OmsorgsboligrettOpphort", &decided, &waits),
            ("OmsorgsboligrettOppfylt", &decided, &[]),
            ("UtleierettByttetTilOmsorgsbolig", &decided, &[]),
            ("OmsorgsboligrettByttetTilUtleie", &decided, &waits),
        ];
        for (place, (event, post, expected)) in table.into_iter().enumerate() {
            hendt(&store, event, post, own).await;
            assert_eq!(venter(&store).await, expected, "row {place}");
        }
    }
    /// It is let as a care dwelling or as others are; exchanged for one of the
    /// other type it is met all the while.
    ///
    /// Seen red: with `opphort` that does not ask what the person moved to.
    async fn a_right_to_a_bofellesskap_is_met_by_what_the_person_moves_to(database: Database) {
        let store = database.open(MIGRATIONS).await;
        let decided = fattet(&store).await.name;
        let (person, id) = navn::krev_post(&decided, vedtak::SAMLING).unwrap();
        let request = request_id();
        let changed = store.write(hos(ENHET, "a1"), &request, move |tx| {
            async move {
                let mut vedtak = vedtak::store::hent(tx, &person, &id).await?;
                let line = vedtak.innhold.bolig.as_mut().unwrap();
                line.rett = Boligrett::Bofellesskap;
                vedtak::store::lagre(tx, &mut vedtak).await?;
                Ok::<_, Error>(FattVedtakResponse::default())
            }
            .boxed()
        });
        changed.await.unwrap();
        let waits = [Ventetype::Bolig];
        let table: [(&str, &[Ventetype]); 6] = [
            ("UtleierettOppfylt", &[]),
            ("OmsorgsboligrettOppfylt", &[]),
            ("UtleierettByttetTilOmsorgsbolig", &[]),
            ("OmsorgsboligrettByttetTilUtleie", &[]),
            ("UtleierettOpphort", &waits),
            ("OmsorgsboligrettOppfylt", &[]),
        ];
        for (place, (event, expected)) in table.into_iter().enumerate() {
            hendt(&store, event, &decided, "enheter/bestillerkontor").await;
            assert_eq!(venter(&store).await, expected, "row {place}");
        }
    }
    /// What is granted to another person is nothing to it.
    ///
    /// Seen red: without `gjort_selv`; with one that does not ask whose it is.
    async fn who_wants_no_follow_up_waits_until_a_vedtak_is_looked_at_anew(database: Database) {
        let store = database.open(MIGRATIONS).await;
        let decided = fattet(&store).await;
        let tenancy =
            |person: &str| format!("{person}/leieforhold/0192f0a1-7b2c-7d3e-8f40-516273849506");
        for person in [P, "personer/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34"] {
            let office = "enheter/boligkontor";
            hendt(&store, "OppfolgingAvslatt", &tenancy(person), office).await;
        }
        let kind = Ventetype::OppfolgingAvslatt;
        assert_eq!(venter(&store).await, [Ventetype::Bolig, kind, kind]);
        let request = RegistrerEvalueringRequest {
            name: decided.name,
            request_id: request_id(),
            evaluering: Some(an_evaluation("2026-10-01", "2026-10-01")),
        };
        kall!(store, hos(ENHET, "a1"), vedtak::rpc::evaluer, request).unwrap();
        assert_eq!(venter(&store).await, [Ventetype::Bolig, kind]);
    }
}
