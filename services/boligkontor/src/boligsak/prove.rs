//! Applications and their queue, through the handlers and the store.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use samspor_chassis::{
    call::Call,
    deadlines::{DueDeadline, Stage},
    domene::Dag,
    error::Error,
    server::Agency as _,
    store::Store,
    testing::{Database, START, request_id},
};
use samspor_proto::{
    boligkontor::*,
    felles::{Faktumtype, Hjemmel},
};

use super::{FRIST_FORELOPIG_SVAR, rangering, rpc};
use crate::{ENHET, Regler, prove::*};

pub(crate) mod ko;

samspor_chassis::on_both_databases! {
    an_application_is_assessed_decided_and_stands_in_the_queue,
    nothing_but_the_person_a_decision_or_a_dwelling_ends_a_case,
    conditions_are_those_of_the_file,
    two_municipalities_are_never_mixed,
    who_answers_is_who_allocates_the_type,
    a_unit_lists_its_own_open_cases,
    who_gave_the_right_hears_that_it_became_a_dwelling,
    a_right_is_named_where_the_type_can_meet_one,
}

const UTLEIE: Tildelingstype = Tildelingstype::KommunalUtleie;

pub(crate) fn soknad() -> Boligsoknad {
    Boligsoknad {
        eget_onske: "En hybel i Kopervik".into(),
        voksne: 1,
        behov: Some(Boligbehov {
            omrader: vec!["Kopervik".into()],
            ..Default::default()
        }),
        boligsituasjon: Boligsituasjon::Bostedslos.into(),
        ..Default::default()
    }
}

fn onsket(person: &str, type_: Tildelingstype) -> RegistrerBoligsoknadRequest {
    RegistrerBoligsoknadRequest {
        parent: person.into(),
        request_id: request_id(),
        tildelingstype: type_.into(),
        soknad: Some(soknad()),
    }
}

/// The latest application of a person.
async fn siste(store: &Store, person: &str) -> Boligsak {
    let request = ListBoligsakerRequest {
        parent: person.into(),
        ..Default::default()
    };
    let listed = store.read(hos("rop", "r1"), move |tx| rpc::list(tx, request).boxed());
    listed.await.unwrap().boligsaker.remove(0)
}

pub(crate) fn vurdering(sak: &Boligsak, grunner: &[&str]) -> VurderVilkarRequest {
    let keys = match sak.tildelingstype() {
        Tildelingstype::Omsorgsbolig => &["uten_egnet_bolig", "kan_ikke_ivareta_seg_selv"][..],
        _ => &[
            "bosatt",
            "lovlig_opphold",
            "okonomisk_vanskeligstilt",
            "ikke_student",
            "ikke_militartjeneste",
        ],
    };
    let met = |key: &&str| Vilkarsvurdering {
        nokkel: (*key).into(),
        utfall: Vilkarsutfall::Oppfylt.into(),
        begrunnelse: String::new(),
    };
    VurderVilkarRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        etag: sak.etag.clone(),
        vilkar: keys.iter().map(met).collect(),
        prioritetsgrunner: grunner.iter().map(|one| (*one).to_owned()).collect(),
        skjermede_grunner: Vec::new(),
    }
}

fn lov() -> Hjemmel {
    Hjemmel {
        lov: "boligsosialloven".into(),
        paragraf: "§ 6".into(),
    }
}

pub(crate) fn godkjenning(sak: &Boligsak) -> GodkjennBoligsakRequest {
    GodkjennBoligsakRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        etag: sak.etag.clone(),
        hjemmel: Some(lov()),
        begrunnelse: "Vilkårene er oppfylt".into(),
    }
}

/// One that is on the list.
pub(crate) async fn godkjent(
    store: &Store,
    person: &str,
    type_: Tildelingstype,
    grunner: &[&str],
) -> Boligsak {
    let unit = match type_ {
        Tildelingstype::Omsorgsbolig => "bestillerkontor",
        _ => "rop",
    };
    let request = onsket(person, type_);
    kall!(store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    avgjort(store, person, unit, grunner).await
}

/// One of a hidden person's, with the one unit that sees the person.
pub(crate) async fn godkjent_hos(
    store: &Store,
    person: &str,
    type_: Tildelingstype,
    unit: &str,
    hidden: &dyn Fn(&'static str, &'static str) -> Arc<Call>,
) -> Boligsak {
    let request = onsket(person, type_);
    kall!(store, hidden("nav", "n1"), rpc::registrer, request).unwrap();
    avgjort(store, person, unit, &[]).await
}

/// The latest application of the person is approved.
async fn avgjort(store: &Store, person: &str, unit: &str, grunner: &[&str]) -> Boligsak {
    let sak = siste(store, person).await;
    let request = vurdering(&sak, grunner);
    let sak = kall!(store, hos(unit, "v1"), rpc::vurder, request).unwrap();
    let request = godkjenning(&sak.boligsak.unwrap());
    let sak = kall!(store, hos(unit, "g1"), rpc::godkjenn, request).unwrap();
    sak.boligsak.unwrap()
}

/// The queue: person and place, with the reason to be before the next.
async fn koen(store: &Store, request: RangerKoRequest) -> Vec<Koplass> {
    let unit = request.parent.trim_start_matches("enheter/").to_owned();
    let ranked = store.read(hos(&unit, "r1"), move |tx| {
        rangering::ranger_ko(tx, request).boxed()
    });
    ranked.await.unwrap().koplasser
}

fn ko_for(unit: &str, type_: Tildelingstype) -> RangerKoRequest {
    RangerKoRequest {
        parent: format!("enheter/{unit}"),
        tildelingstype: type_.into(),
        ..Default::default()
    }
}

fn hvem(places: &[Koplass]) -> Vec<&str> {
    let person = |place: &'_ Koplass| if place.name.starts_with(P) { "P" } else { "Q" };
    places.iter().map(person).collect()
}

/// The person gets a dwelling.
async fn tildel(store: &Store, sak: &str) {
    let sak = sak.to_owned();
    let tenancy = format!("{P}/leieforhold/0192f0a1-7b2c-7d3e-8f40-516273849506");
    let id = request_id();
    let given = store.write(hos(ENHET, "b1"), &id, move |tx| {
        async move {
            rpc::tildelt(tx, &sak, &tenancy).await?;
            Ok::<_, Error>(OpphevReservasjonResponse::default())
        }
        .boxed()
    });
    given.await.unwrap();
}

/// From received to the list, each step by who may, with the place, its reasons
/// and the facts.
///
/// Seen red: with `krev_en_annen` that lets who assessed decide, and without
/// the question for another case on the list.
async fn an_application_is_assessed_decided_and_stands_in_the_queue(database: Database) {
    let store = lager(&database).await;
    let mut empty = onsket(P, UTLEIE);
    empty.soknad = Some(Boligsoknad::default());
    let refused = kall!(&store, hos("nav", "n1"), rpc::registrer, empty);
    assert_eq!(
        feil(refused),
        [
            "soknad.voksne FELT_OMRADE",
            "soknad.eget_onske FELT_MANGLER",
            "soknad.boligsituasjon FELT_UKJENT_VERDI"
        ]
    );
    let tonight = onsket(P, Tildelingstype::Midlertidig);
    let refused = kall!(&store, hos("nav", "n1"), rpc::registrer, tonight);
    assert_eq!(feil(refused), ["tildelingstype FELT_FORM"]);

    let request = onsket(P, UTLEIE);
    let receipt = kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    let reference = receipt.kvittering.unwrap().referanse;
    assert!(reference.starts_with("B-"));
    let sak = siste(&store, P).await;
    assert_eq!(sak.ansvarlig_enhet, "enheter/rop");
    assert_eq!(sak.tilstand(), BoligsakTilstand::Mottatt);
    let refused = kall!(&store, hos("rop", "g1"), rpc::godkjenn, godkjenning(&sak));
    assert_eq!(feil(refused), ["FEILGRUNN_UGYLDIG_OVERGANG"]);
    let request = vurdering(&sak, &[]);
    let refused = kall!(&store, hos("nav", "n1"), rpc::vurder, request.clone());
    assert_eq!(feil(refused), ["FEILGRUNN_IKKE_TILLATT"]);
    let sak = kall!(&store, hos("rop", "v1"), rpc::vurder, request).unwrap();
    let sak = sak.boligsak.unwrap();
    assert_eq!(sak.regelversjon, "karmoy-1");
    let refused = kall!(&store, hos("rop", "v1"), rpc::godkjenn, godkjenning(&sak));
    assert_eq!(feil(refused), ["FEILGRUNN_IKKE_TILLATT"]);
    let request = godkjenning(&sak);
    let sak = kall!(&store, hos("rop", "g1"), rpc::godkjenn, request).unwrap();
    let sak = sak.boligsak.unwrap();
    assert_eq!(sak.tilstand(), BoligsakTilstand::Godkjent);

    database.clock().advance(Duration::from_hours(48));
    godkjent(&store, Q, UTLEIE, &[]).await;
    let places = koen(&store, ko_for("rop", UTLEIE)).await;
    assert_eq!(hvem(&places), ["P", "Q"]);
    assert_eq!((places[0].plass, places[0].antall), (1, 2));
    assert_eq!(
        places[0].grunner,
        [
            "ingen prioritert gruppe i karmoy-1",
            "har ventet siden 2026-10-01 (2 dager)"
        ]
    );
    assert_eq!(
        places[0].foran_neste,
        "samme prioritet, og har ventet lenger: siden 2026-10-01, den neste siden 2026-10-03"
    );
    assert_eq!(places[1].foran_neste, "");
    // Another unit's queue is not theirs; one page at a time is the same queue.
    assert_eq!(koen(&store, ko_for("nav", UTLEIE)).await, []);
    let request = RangerKoRequest {
        page_size: 1,
        page_token: "1".into(),
        ..ko_for("rop", UTLEIE)
    };
    let second = koen(&store, request).await;
    assert_eq!(second[0].plass, 2);

    // A second application cannot stand in the same queue.
    let request = onsket(P, UTLEIE);
    kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    let twice = siste(&store, P).await;
    let request = vurdering(&twice, &[]);
    let twice = kall!(&store, hos("rop", "v1"), rpc::vurder, request).unwrap();
    let request = godkjenning(&twice.boligsak.unwrap());
    let refused = kall!(&store, hos("rop", "g1"), rpc::godkjenn, request);
    assert_eq!(feil(refused), ["FEILGRUNN_KONFLIKT"]);

    // Who owns it allocates to the person, for the case alone.
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let stored = samspor_chassis::lager::les_navngitt(&mut tx, &sak.name).await;
    let facts = super::fakta(&stored.unwrap());
    let kinds: Vec<(Faktumtype, bool)> = facts
        .iter()
        .map(|fact| {
            let goes_on = fact.periode.as_ref().unwrap().til.is_none();
            assert_eq!(fact.post, sak.name);
            (fact.r#type(), goes_on)
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (Faktumtype::Soker, false),
            (Faktumtype::Tildelingsmyndighet, true)
        ]
    );
}

/// R11: the deadline of the preliminary answer passes, years pass, the person
/// does nothing: the case stands where it stood. What the person says, a refusal
/// and a dwelling end it.
///
/// Seen red: with `godkjenn` that takes a condition that is not met, and with
/// staff who need not say how the person took it back.
async fn nothing_but_the_person_a_decision_or_a_dwelling_ends_a_case(database: Database) {
    let store = lager(&database).await;
    let first = godkjent(&store, P, UTLEIE, &[]).await;
    let second = godkjent(&store, Q, UTLEIE, &[]).await;
    database.clock().advance(Duration::from_hours(24 * 365 * 4));
    for stage in [Stage::Near, Stage::Due] {
        let fired = DueDeadline {
            post: first.name.clone(),
            person: P.trim_start_matches("personer/").into(),
            kind: FRIST_FORELOPIG_SVAR.into(),
            stage,
            due: START,
            detected: START,
            eier: "rop".into(),
            mottakere: vec!["rop".into()],
        };
        let id = request_id();
        let fire = store.write(hos(ENHET, "b1"), &id, move |tx| {
            async move {
                crate::Boligkontor::on_deadline(tx, fired).await?;
                Ok::<_, Error>(OpphevReservasjonResponse::default())
            }
            .boxed()
        });
        fire.await.unwrap();
    }
    assert_eq!(hvem(&koen(&store, ko_for("rop", UTLEIE)).await), ["P", "Q"]);

    let by_staff = |onske: &str| TrekkBoligsakRequest {
        name: first.name.clone(),
        request_id: request_id(),
        onske: onske.into(),
    };
    let refused = kall!(&store, hos("rop", "r1"), rpc::trekk, by_staff(""));
    assert_eq!(feil(refused), ["onske FELT_MANGLER"]);
    let own = kall!(&store, personen(P), rpc::trekk, by_staff("")).unwrap();
    assert_eq!(own.boligsak.unwrap().tilstand(), BoligsakTilstand::Trukket);
    assert_eq!(hvem(&koen(&store, ko_for("rop", UTLEIE)).await), ["Q"]);
    tildel(&store, &second.name).await;
    assert_eq!(koen(&store, ko_for("rop", UTLEIE)).await, []);

    let request = onsket(P, UTLEIE);
    kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    let sak = siste(&store, P).await;
    let mut unmet = vurdering(&sak, &[]);
    unmet.vilkar[0].utfall = Vilkarsutfall::IkkeOppfylt.into();
    unmet.vilkar[0].begrunnelse = "Bor i Haugesund".into();
    let sak = kall!(&store, hos("rop", "v1"), rpc::vurder, unmet).unwrap();
    let sak = sak.boligsak.unwrap();
    let refused = kall!(&store, hos("rop", "g1"), rpc::godkjenn, godkjenning(&sak));
    assert_eq!(feil(refused), ["name FELT_MOTSTRID"]);
    let mut no = AvslaBoligsakRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        etag: sak.etag,
        hjemmel: Some(lov()),
        begrunnelse: "Er ikke bosatt i kommunen".into(),
        klageinstans: String::new(),
    };
    let refused = kall!(&store, hos("rop", "g1"), rpc::avsla, no.clone());
    assert_eq!(feil(refused), ["klageinstans FELT_MANGLER"]);
    no.klageinstans = "Klagenemnda i Karmøy kommune, innen tre uker".into();
    let ended = kall!(&store, hos("rop", "g1"), rpc::avsla, no).unwrap();
    assert_eq!(
        ended.boligsak.unwrap().tilstand(),
        BoligsakTilstand::Avslatt
    );
}

/// Each condition once, exceptions where the file has them, groups that it names.
///
/// Seen red: with an exception from every condition.
async fn conditions_are_those_of_the_file(database: Database) {
    let store = lager(&database).await;
    let request = onsket(P, UTLEIE);
    kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    let sak = siste(&store, P).await;
    let try_ = async |change: &dyn Fn(&mut VurderVilkarRequest)| {
        let mut request = vurdering(&sak, &[]);
        change(&mut request);
        feil(kall!(&store, hos("rop", "v1"), rpc::vurder, request))
    };
    let short = try_(&|asked| drop(asked.vilkar.pop())).await;
    assert_eq!(short, ["vilkar FELT_FORM"]);
    let other = try_(&|asked| asked.vilkar[0].nokkel = "snill".into()).await;
    assert_eq!(
        other,
        ["vilkar[0].nokkel FELT_UKJENT_VERDI", "vilkar FELT_FORM"]
    );
    let silent = try_(&|asked| asked.vilkar[0].utfall = Vilkarsutfall::Unntak.into()).await;
    assert_eq!(silent, ["vilkar[0].begrunnelse FELT_MANGLER"]);
    let never = try_(&|asked| {
        asked.vilkar[1].utfall = Vilkarsutfall::Unntak.into();
        asked.vilkar[1].begrunnelse = "Har søkt om opphold".into();
    })
    .await;
    assert_eq!(never, ["vilkar[1].utfall FELT_MOTSTRID"]);
    let group = try_(&|asked| asked.prioritetsgrunner = vec!["bostedslos".into()]).await;
    assert_eq!(group, ["prioritetsgrunner[0] FELT_UKJENT_VERDI"]);
    let mut excepted = vurdering(&sak, &[]);
    excepted.vilkar[0].utfall = Vilkarsutfall::Unntak.into();
    excepted.vilkar[0].begrunnelse = "Vokste opp her, og flytter hjem".into();
    let sak = kall!(&store, hos("rop", "v1"), rpc::vurder, excepted).unwrap();
    let request = godkjenning(&sak.boligsak.unwrap());
    kall!(&store, hos("rop", "g1"), rpc::godkjenn, request).unwrap();
}

/// A gateway of one municipality and rules of another.
///
/// Seen red: with `regler` that does not compare.
async fn two_municipalities_are_never_mixed(database: Database) {
    let store = database.open(crate::MIGRATIONS).await;
    let store = store.with_settings(Regler::innebygd("sarpsborg").unwrap());
    let request = ko_for("rop", UTLEIE);
    let refused = store.read(hos("rop", "r1"), move |tx| {
        rangering::ranger_ko(tx, request).boxed()
    });
    let error = refused.await.unwrap_err();
    let told = format!("{:?}", error.refusal().unwrap());
    assert!(
        told.contains("reglene til sarpsborg, gatewayen med karmoy"),
        "{told}"
    );
}

/// Also where the person is hidden from who allocates: then who still sees the
/// person answers for the case.
///
/// Seen red: with `ansvarlig` that does not ask who may see the person.
async fn who_answers_is_who_allocates_the_type(database: Database) {
    let store = lager(&database).await;
    let care = Tildelingstype::Omsorgsbolig;
    for (type_, mandated, owner) in [
        (UTLEIE, &[][..], "enheter/rop"),
        (care, &[], "enheter/bestillerkontor"),
        (UTLEIE, &["nav", "rop"], "enheter/rop"),
        (UTLEIE, &["bom", "nav"], "enheter/nav"),
        (UTLEIE, &["bom"], "enheter/bom"),
    ] {
        let who = samspor_chassis::testing::TestCall::new("nav").with(|permit| {
            permit.boligtildelere = tildelere();
            permit.mandaterte = mandated.iter().map(|unit| (*unit).to_owned()).collect();
        });
        kall!(&store, who.build(), rpc::registrer, onsket(P, type_)).unwrap();
        let sak = siste(&store, P).await;
        assert_eq!(sak.ansvarlig_enhet, owner, "{type_:?} {mandated:?}");
    }
}

/// One page of a unit's open cases: names, and the token of the next page.
async fn apne(
    store: &Store,
    unit: &str,
    page: (i32, &str),
    tilstand: BoligsakTilstand,
) -> (Vec<String>, String) {
    let request = ListApneBoligsakerRequest {
        parent: format!("enheter/{unit}"),
        page_size: page.0,
        page_token: page.1.into(),
        tilstand: tilstand.into(),
    };
    let listed = store.read(hos(unit, "r1"), move |tx| {
        rpc::list_apne(tx, request).boxed()
    });
    let listed = listed.await.unwrap();
    let names = listed.boligsaker.into_iter().map(|sak| sak.name).collect();
    (names, listed.next_page_token)
}

/// Oldest first, in one state or all that are open, a page at a time; never
/// another unit's, nor one that has ended.
///
/// Seen red: with a list that stops at the first rows that it reads.
async fn a_unit_lists_its_own_open_cases(database: Database) {
    let store = lager(&database).await;
    let all = BoligsakTilstand::Unspecified;
    let listed = godkjent(&store, P, UTLEIE, &[]).await.name;
    godkjent(&store, P, Tildelingstype::Omsorgsbolig, &[]).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        database.clock().advance(Duration::from_hours(1));
        let request = onsket(Q, UTLEIE);
        kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
        waiting.push(siste(&store, Q).await.name);
    }
    let request = TrekkBoligsakRequest {
        name: waiting.pop().unwrap(),
        request_id: request_id(),
        onske: "Flytter".into(),
    };
    kall!(&store, hos("rop", "v1"), rpc::trekk, request).unwrap();

    let (first, next) = apne(&store, "rop", (2, ""), all).await;
    assert_eq!(first, [listed.as_str(), &waiting[0]]);
    let (second, end) = apne(&store, "rop", (2, &next), all).await;
    assert_eq!((second, end.as_str()), (vec![waiting[1].clone()], ""));
    let received = BoligsakTilstand::Mottatt;
    let (first, next) = apne(&store, "rop", (1, ""), received).await;
    assert_eq!(first, waiting[..1]);
    let (second, end) = apne(&store, "rop", (1, &next), received).await;
    assert_eq!((second, end.as_str()), (waiting[1..].to_vec(), ""));
    let care = apne(&store, "bestillerkontor", (0, ""), all).await;
    assert_eq!(care.0.len(), 1);
    assert_eq!(apne(&store, "nav", (0, ""), all).await.0, [""; 0]);
}

/// About the vedtak, which is all that who gave the right knows.
///
/// Seen red: with an event about the application.
async fn who_gave_the_right_hears_that_it_became_a_dwelling(database: Database) {
    let store = lager(&database).await;
    let care = Tildelingstype::Omsorgsbolig;
    let right = format!("{P}/vedtak/0192f0a1-7b2c-7d3e-8f40-516273849506");
    let mut request = onsket(P, care);
    if let Some(soknad) = &mut request.soknad {
        soknad.rett.clone_from(&right);
    }
    kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    let sak = siste(&store, P).await;
    let unit = "bestillerkontor";
    let request = vurdering(&sak, &[]);
    let sak = kall!(&store, hos(unit, "v1"), rpc::vurder, request).unwrap();
    let request = godkjenning(&sak.boligsak.unwrap());
    let sak = kall!(&store, hos(unit, "g1"), rpc::godkjenn, request).unwrap();
    tildel(&store, &sak.boligsak.unwrap().name).await;
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let told: Vec<(String,)> = tx
        .all(
            "SELECT h.post FROM chassis_hendelse h \
             JOIN chassis_hendelse_mottaker m ON m.hendelse = h.nr \
             WHERE h.type = 'OmsorgsboligrettOppfylt' AND m.mottaker = 'bestillerkontor'",
            samspor_chassis::params![],
        )
        .await
        .unwrap();
    assert_eq!(told, [(right,)]);
}

/// No right is one to a robust dwelling: an application for one that named a right
/// would end the wait for another.
///
/// Seen red: without `rett_hendelser` in `les`.
async fn a_right_is_named_where_the_type_can_meet_one(database: Database) {
    let store = lager(&database).await;
    for (type_, told) in [
        (Tildelingstype::Omsorgsbolig, None),
        (UTLEIE, None),
        (
            Tildelingstype::Hardfor,
            Some("soknad.rett FELT_MOTSTRID".to_owned()),
        ),
    ] {
        let mut request = onsket(P, type_);
        if let Some(soknad) = &mut request.soknad {
            soknad.rett = format!("{P}/vedtak/0192f0a1-7b2c-7d3e-8f40-516273849506");
        }
        let answer = kall!(&store, hos("nav", "n1"), rpc::registrer, request);
        assert_eq!(answer.is_ok(), told.is_none(), "{type_:?}");
        if let Some(told) = told {
            assert_eq!(feil(answer), [told]);
        }
    }
}
