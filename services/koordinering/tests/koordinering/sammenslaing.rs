//! Merges of two ids of one person.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::{
        AvvisForslagOmSammenslaingRequest, AvvisForslagOmSammenslaingResponse,
        BekreftOpphevingAvSammenslaingRequest, BekreftOpphevingAvSammenslaingResponse,
        BekreftSammenslaingRequest, BekreftSammenslaingResponse,
        ForeslaOpphevingAvSammenslaingRequest, ForeslaOpphevingAvSammenslaingResponse,
        ForeslaSammenslaingRequest, ForeslaSammenslaingResponse, HentSammenslaingRequest,
        HentSammenslaingResponse, ListSammenslaingerRequest, ListSammenslaingerResponse,
        Sammenslaing, SammenslaingTilstand, Verntype,
    },
};

use crate::{
    benk::{Avslag, Benk, Hvem, d_nummer, nummer},
    person::{hent, navngi},
};

samspor_chassis::on_both_databases! {
    a_merge_joins_the_numbers_and_keeps_the_names,
    a_merge_is_refused_where_it_would_harm,
    restrictions_of_either_hold_for_both,
    until_it_is_confirmed_only_what_restricts_crosses,
    an_undone_merge_leaves_two_persons,
    of_two_protections_the_narrowest_mandate_holds_for_both,
    no_merge_hides_a_person_from_who_answers,
}

/// Another employee of the koordinerende enhet.
fn second() -> Hvem {
    let mut who = Hvem::koordinerende();
    who.ansatt = "k2";
    who
}

async fn foresla(
    benk: &Benk,
    who: &Hvem,
    parent: &str,
    duplikat: &str,
) -> Result<Sammenslaing, Avslag> {
    let request = ForeslaSammenslaingRequest {
        parent: parent.into(),
        request_id: request_id(),
        duplikat: duplikat.into(),
        begrunnelse: "D-nummer ble til fødselsnummer".into(),
    };
    let answer: ForeslaSammenslaingResponse = benk
        .call(who, "SammenslaingService/ForeslaSammenslaing", request)
        .await?;
    Ok(answer.sammenslaing.unwrap())
}

async fn bekreft(benk: &Benk, who: &Hvem, merge: &Sammenslaing) -> Result<Sammenslaing, Avslag> {
    let request = BekreftSammenslaingRequest {
        name: merge.name.clone(),
        request_id: request_id(),
        etag: merge.etag.clone(),
    };
    let answer: BekreftSammenslaingResponse = benk
        .call(who, "SammenslaingService/BekreftSammenslaing", request)
        .await?;
    Ok(answer.sammenslaing.unwrap())
}

async fn avvis(benk: &Benk, who: &Hvem, merge: &Sammenslaing) -> Result<Sammenslaing, Avslag> {
    let request = AvvisForslagOmSammenslaingRequest {
        name: merge.name.clone(),
        request_id: request_id(),
        etag: merge.etag.clone(),
    };
    let answer: AvvisForslagOmSammenslaingResponse = benk
        .call(
            who,
            "SammenslaingService/AvvisForslagOmSammenslaing",
            request,
        )
        .await?;
    Ok(answer.sammenslaing.unwrap())
}

async fn foresla_oppheving(
    benk: &Benk,
    who: &Hvem,
    merge: &Sammenslaing,
) -> Result<Sammenslaing, Avslag> {
    let request = ForeslaOpphevingAvSammenslaingRequest {
        name: merge.name.clone(),
        request_id: request_id(),
        etag: merge.etag.clone(),
        begrunnelse: "to søstre, ikke én person".into(),
    };
    let answer: ForeslaOpphevingAvSammenslaingResponse = benk
        .call(
            who,
            "SammenslaingService/ForeslaOpphevingAvSammenslaing",
            request,
        )
        .await?;
    Ok(answer.sammenslaing.unwrap())
}

async fn bekreft_oppheving(
    benk: &Benk,
    who: &Hvem,
    merge: &Sammenslaing,
) -> Result<Sammenslaing, Avslag> {
    let request = BekreftOpphevingAvSammenslaingRequest {
        name: merge.name.clone(),
        request_id: request_id(),
        etag: merge.etag.clone(),
    };
    let answer: BekreftOpphevingAvSammenslaingResponse = benk
        .call(
            who,
            "SammenslaingService/BekreftOpphevingAvSammenslaing",
            request,
        )
        .await?;
    Ok(answer.sammenslaing.unwrap())
}

/// Merges two ids: one proposes, another confirms.
pub(crate) async fn sla_sammen(
    benk: &Benk,
    parent: &str,
    duplikat: &str,
) -> Result<Sammenslaing, Avslag> {
    let proposed = foresla(benk, &Hvem::koordinerende(), parent, duplikat).await?;
    bekreft(benk, &second(), &proposed).await
}

async fn undo(benk: &Benk, merge: &Sammenslaing) {
    let wrong = foresla_oppheving(benk, &second(), merge).await.unwrap();
    bekreft_oppheving(benk, &Hvem::koordinerende(), &wrong)
        .await
        .unwrap();
}

async fn a_merge_joins_the_numbers_and_keeps_the_names(database: Database) {
    let benk = Benk::start(&database).await;
    let (fnr, dnr) = (nummer(0), d_nummer(0));
    let remains = benk.sikre(&Hvem::saksbehandler(), &fnr).await.unwrap();
    let merged = benk.sikre(&Hvem::saksbehandler(), &dnr).await.unwrap();
    assert_ne!(remains, merged);
    let held = sla_sammen(&benk, &remains, &merged).await.unwrap();
    assert!(held.name.starts_with(&remains));
    assert_eq!(held.duplikat, merged);
    for number in [&fnr, &dnr] {
        let found = benk.sikre(&Hvem::saksbehandler(), number).await;
        assert_eq!(found, Ok(remains.clone()));
    }
    let person = hent(&benk, &remains).await.unwrap();
    let numbers: Vec<&str> = person
        .identiteter
        .iter()
        .map(|i| i.nummer.as_str())
        .collect();
    assert_eq!(numbers, [&fnr, &dnr]);
    let old = hent(&benk, &merged).await.unwrap();
    assert_eq!(old.sammenslatt_med, remains);
    assert_eq!(old.identiteter[0].nummer, dnr);
    assert_eq!(
        benk.gjelder(&merged).await,
        [format!("SAMMENSLATT {remains}")]
    );
    assert_eq!(benk.gjelder(&remains).await, [""; 0]);

    // A chain leads to its end from everywhere, also when a link is undone.
    let last = benk.person(5).await;
    sla_sammen(&benk, &last, &remains).await.unwrap();
    assert_eq!(hent(&benk, &merged).await.unwrap().sammenslatt_med, last);
    assert_eq!(
        benk.gjelder(&remains).await,
        [format!("SAMMENSLATT {last}")]
    );
    let found = benk.sikre(&Hvem::saksbehandler(), &dnr).await;
    assert_eq!(found, Ok(last.clone()));
    undo(&benk, &held).await;
    let found = benk.sikre(&Hvem::saksbehandler(), &dnr).await;
    assert_eq!(found, Ok(merged));
    let found = benk.sikre(&Hvem::saksbehandler(), &fnr).await;
    assert_eq!(found, Ok(last));
}

async fn a_merge_is_refused_where_it_would_harm(database: Database) {
    let benk = Benk::start(&database).await;
    let (a, b, c) = (
        benk.person(0).await,
        benk.person(1).await,
        benk.person(2).await,
    );
    let who = Hvem::koordinerende();
    let elsewhere = foresla(&benk, &Hvem::saksbehandler(), &a, &b).await;
    assert_eq!(elsewhere.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let same = foresla(&benk, &who, &a, &a).await.unwrap_err();
    assert_eq!(
        same.felt,
        [("duplikat".to_owned(), Feilgrunn::FeltMotstrid)]
    );
    let nobody = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let unknown = foresla(&benk, &who, &a, nobody).await.unwrap_err();
    assert_eq!(unknown.grunn, Feilgrunn::IkkeFunnet);

    sla_sammen(&benk, &a, &b).await.unwrap();
    for (name, duplikat) in [(&c, &b), (&b, &c)] {
        let again = foresla(&benk, &who, name, duplikat).await.unwrap_err();
        assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
        assert_eq!(again.nokler["tilstand"], "SAMMENSLATT");
    }
    let etag = hent(&benk, &b).await.unwrap().etag;
    let renamed = navngi(&benk, &b, &etag, "Kari").await.unwrap_err();
    assert_eq!(renamed.nokler["tilstand"], "SAMMENSLATT");

    // A protected person cannot be drawn out by a merge, and whoever asks
    // hears what is heard of nobody.
    let hidden = benk.person(3).await;
    crate::vern::strengt_fortrolig(&benk, &hidden, &["rop"]).await;
    let drawn = foresla(&benk, &who, &a, &hidden).await.unwrap_err();
    assert_eq!(drawn, unknown);

    // Nor may a need lose its unit by it.
    let delivered = benk.person(4).await;
    let post = format!("{delivered}/oppdrag/0192f0a1-7b2c-7d3e-8f40-516273849506");
    benk.oppdrag("OppdragTilbudt", &delivered, &post, "bom")
        .await;
    let mut mandated = Hvem::new("rop", "r9", Rolle::Saksbehandler);
    mandated.funksjoner = vec!["koordinerende_enhet".to_owned()];
    for (name, duplikat) in [(&delivered, &hidden), (&hidden, &delivered)] {
        let left = foresla(&benk, &mandated, name, duplikat).await.unwrap_err();
        assert_eq!(left.grunn, Feilgrunn::BehovUtenAnsvarlig);
        assert_eq!(left.nokler["enhet"], "enheter/bom");
    }
}

async fn restrictions_of_either_hold_for_both(database: Database) {
    let benk = Benk::start(&database).await;
    let (remains, merged) = (benk.person(0).await, benk.person(1).await);
    crate::reservasjon::mot(&benk, &merged, Some("nav"))
        .await
        .unwrap();
    crate::vern::inhabil(&benk, &remains, "x9").await;
    crate::vern::strengt_fortrolig(&benk, &merged, &["koordinering", "rop"]).await;
    sla_sammen(&benk, &remains, &merged).await.unwrap();
    let common = [
        "ADRESSE_STRENGT_FORTROLIG *",
        "INHABIL ansatt x9",
        "MANDAT_STRENGT koordinering",
        "MANDAT_STRENGT rop",
        "RESERVASJON nav",
    ];
    assert_eq!(benk.gjelder(&remains).await, common);
    let mut with_pointer = common.map(str::to_owned).to_vec();
    with_pointer.push(format!("SAMMENSLATT {remains}"));
    assert_eq!(benk.gjelder(&merged).await, with_pointer);

    // What is set after the merge holds for both as well, and its lifting too.
    let objection = crate::reservasjon::mot(&benk, &remains, None)
        .await
        .unwrap();
    assert!(
        benk.gjelder(&merged)
            .await
            .contains(&"RESERVASJON *".to_owned())
    );
    crate::reservasjon::opphev_som(&benk, &Hvem::koordinerende(), &objection.name)
        .await
        .unwrap();
    for id in [&remains, &merged] {
        assert!(!benk.gjelder(id).await.contains(&"RESERVASJON *".to_owned()));
    }
}

/// One employee alone gives nobody anything: before the second has confirmed,
/// and from the first word that it was wrong, nothing crosses but what
/// restricts. Rejected, not even that.
///
/// Seen red: with restrictions that wait for the confirmation; with relations
/// that cross until it is undone; with the own confirmation accepted.
async fn until_it_is_confirmed_only_what_restricts_crosses(database: Database) {
    let benk = Benk::start(&database).await;
    let (remains, merged) = (benk.person(0).await, benk.person(1).await);
    crate::reservasjon::mot(&benk, &merged, Some("nav"))
        .await
        .unwrap();
    let first = Hvem::koordinerende();
    let proposed = foresla(&benk, &first, &remains, &merged).await.unwrap();
    assert_eq!(proposed.tilstand(), SammenslaingTilstand::Foreslatt);
    assert_eq!(benk.gjelder(&remains).await, ["RESERVASJON nav"]);
    assert_eq!(benk.gjelder(&merged).await, ["RESERVASJON nav"]);
    assert_eq!(benk.person(1).await, merged, "two persons still");
    // What is said meanwhile restricts both as well.
    let all = crate::reservasjon::mot(&benk, &remains, None)
        .await
        .unwrap();
    let both = ["RESERVASJON *", "RESERVASJON nav"];
    assert_eq!(benk.gjelder(&merged).await, both);
    crate::reservasjon::opphev_som(&benk, &first, &all.name)
        .await
        .unwrap();

    let alone = bekreft(&benk, &first, &proposed).await.unwrap_err();
    assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt);
    let third = benk.person(2).await;
    let busy = foresla(&benk, &first, &third, &merged).await.unwrap_err();
    assert_eq!(busy.grunn, Feilgrunn::Konflikt);

    let rejected = avvis(&benk, &second(), &proposed).await.unwrap();
    assert_eq!(rejected.tilstand(), SammenslaingTilstand::Avvist);
    assert_eq!(benk.gjelder(&remains).await, [""; 0]);
    assert_eq!(benk.gjelder(&merged).await, ["RESERVASJON nav"]);

    let held = sla_sammen(&benk, &remains, &merged).await.unwrap();
    let pointer = format!("SAMMENSLATT {remains}");
    let joined = ["RESERVASJON nav", &pointer];
    assert_eq!(benk.gjelder(&merged).await, joined);
    let wrong = foresla_oppheving(&benk, &first, &held).await.unwrap();
    assert_eq!(benk.gjelder(&merged).await, ["RESERVASJON nav"]);
    assert_eq!(benk.gjelder(&remains).await, ["RESERVASJON nav"]);
    let kept = avvis(&benk, &first, &wrong).await.unwrap();
    assert_eq!(kept.tilstand(), SammenslaingTilstand::Gjeldende);
    assert_eq!(benk.gjelder(&merged).await, joined);
}

/// Undone by two, each has the own numbers, protections and mandates again.
///
/// Seen red: with the restrictions of the other left standing; with the roots
/// left as they were.
async fn an_undone_merge_leaves_two_persons(database: Database) {
    let benk = Benk::start(&database).await;
    let (remains, merged) = (benk.person(0).await, benk.person(1).await);
    let strict = Verntype::StrengtFortroligAdresse;
    let protect = async |person: &str, units: &[&str]| {
        crate::vern::adressevern(&benk, "rop", person, strict, units)
            .await
            .unwrap()
    };
    protect(&remains, &["bom", "koordinering", "rop"]).await;
    protect(&merged, &["koordinering", "nav", "rop"]).await;
    crate::vern::inhabil(&benk, &merged, "x9").await;
    let held = sla_sammen(&benk, &remains, &merged).await.unwrap();

    let first = Hvem::koordinerende();
    let wrong = foresla_oppheving(&benk, &first, &held).await.unwrap();
    let alone = bekreft_oppheving(&benk, &first, &wrong).await.unwrap_err();
    assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt);
    let undone = bekreft_oppheving(&benk, &second(), &wrong).await.unwrap();
    assert_eq!(undone.tilstand(), SammenslaingTilstand::Opphevet);

    let of = |units: [&str; 3], more: &[&str]| -> Vec<String> {
        let mandates = units.map(|unit| format!("MANDAT_STRENGT {unit}"));
        let more = more.iter().map(ToString::to_string);
        std::iter::once("ADRESSE_STRENGT_FORTROLIG *".to_owned())
            .chain(more)
            .chain(mandates)
            .collect()
    };
    assert_eq!(
        benk.gjelder(&remains).await,
        of(["bom", "koordinering", "rop"], &[])
    );
    assert_eq!(
        benk.gjelder(&merged).await,
        of(["koordinering", "nav", "rop"], &["INHABIL ansatt x9"])
    );
    assert_eq!(benk.person(0).await, remains);
    assert_eq!(benk.person(1).await, merged);
    assert_eq!(hent(&benk, &merged).await.unwrap().sammenslatt_med, "");

    // They can be merged again, and the record of the first merge stays.
    sla_sammen(&benk, &remains, &merged).await.unwrap();
    let request = ListSammenslaingerRequest {
        parent: remains,
        ..ListSammenslaingerRequest::default()
    };
    let listed: ListSammenslaingerResponse = benk
        .call(&first, "SammenslaingService/ListSammenslainger", request)
        .await
        .unwrap();
    assert_eq!(listed.sammenslainger.len(), 2);
    let request = HentSammenslaingRequest {
        name: undone.name.clone(),
    };
    let read: HentSammenslaingResponse = benk
        .call(&first, "SammenslaingService/HentSammenslaing", request)
        .await
        .unwrap();
    assert_eq!(read.sammenslaing, Some(undone));
}

/// The address protections and mandates that hold for a person.
async fn adressevern(benk: &Benk, person: &str) -> Vec<String> {
    let mut held = benk.gjelder(person).await;
    held.retain(|fact| fact.starts_with("ADRESSE") || fact.starts_with("MANDAT"));
    held.dedup();
    held
}

/// Both ids are protected: whom both name is mandated on each id, per kind; a
/// lifted protection leaves the other as it was.
///
/// Seen red: with every protection stating its own mandates; with the mandates
/// of the others not stated again when one of their kind begins or ends.
async fn of_two_protections_the_narrowest_mandate_holds_for_both(database: Database) {
    use crate::vern::{adressevern as protect, opphev};
    let benk = Benk::start(&database).await;
    let (weak, strict) = (
        Verntype::FortroligAdresse,
        Verntype::StrengtFortroligAdresse,
    );

    // Fortrolig on one, strengt fortrolig on the other.
    let (remains, merged) = (benk.person(0).await, benk.person(1).await);
    let mild = protect(&benk, "rop", &remains, weak, &["rop", "nav"]).await;
    let harsh = protect(&benk, "rop", &merged, strict, &["koordinering", "rop"]).await;
    sla_sammen(&benk, &remains, &merged).await.unwrap();
    for id in [&remains, &merged] {
        let expected = [
            "ADRESSE_FORTROLIG *",
            "ADRESSE_STRENGT_FORTROLIG *",
            "MANDAT nav",
            "MANDAT rop",
            "MANDAT_STRENGT koordinering",
            "MANDAT_STRENGT rop",
        ];
        assert_eq!(adressevern(&benk, id).await, expected);
    }
    opphev(&benk, &mild.unwrap()).await;
    for id in [&remains, &merged] {
        let expected = [
            "ADRESSE_STRENGT_FORTROLIG *",
            "MANDAT_STRENGT koordinering",
            "MANDAT_STRENGT rop",
        ];
        assert_eq!(adressevern(&benk, id).await, expected);
    }
    opphev(&benk, &harsh.unwrap()).await;
    assert_eq!(adressevern(&benk, &remains).await, [""; 0]);

    // Strengt fortrolig on both, one of them set after the merge.
    let (remains, merged) = (benk.person(2).await, benk.person(3).await);
    let first = ["bom", "koordinering", "rop"];
    let second = ["koordinering", "nav", "rop"];
    let one = protect(&benk, "rop", &merged, strict, &first).await;
    sla_sammen(&benk, &remains, &merged).await.unwrap();
    let held = |mandated: &[&str]| -> Vec<String> {
        let mandated = mandated.iter().map(|unit| format!("MANDAT_STRENGT {unit}"));
        std::iter::once("ADRESSE_STRENGT_FORTROLIG *".to_owned())
            .chain(mandated)
            .collect()
    };
    assert_eq!(adressevern(&benk, &remains).await, held(&first));
    let other = protect(&benk, "rop", &remains, strict, &second).await;
    for id in [&remains, &merged] {
        let common = ["koordinering", "rop"];
        assert_eq!(adressevern(&benk, id).await, held(&common));
    }
    opphev(&benk, &one.unwrap()).await;
    for id in [&remains, &merged] {
        assert_eq!(adressevern(&benk, id).await, held(&second));
    }
    opphev(&benk, &other.unwrap()).await;
    assert_eq!(adressevern(&benk, &merged).await, [""; 0]);
}

/// A merge, or a protection of a merged person, is refused where nobody whom
/// both protections name could answer.
///
/// Seen red: with each protection judged by its own mandate alone.
async fn no_merge_hides_a_person_from_who_answers(database: Database) {
    use crate::vern::adressevern as protect;
    let benk = Benk::start(&database).await;
    let strict = Verntype::StrengtFortroligAdresse;
    let who = Hvem::koordinerende();
    let (remains, merged) = (benk.person(0).await, benk.person(1).await);
    let wide = ["bom", "koordinering", "rop"];
    protect(&benk, "rop", &remains, strict, &wide)
        .await
        .unwrap();
    protect(&benk, "nav", &merged, strict, &["koordinering", "nav"])
        .await
        .unwrap();
    // ROP could not lift its own any more, nor could Nav.
    let refused = foresla(&benk, &who, &remains, &merged).await.unwrap_err();
    assert_eq!(refused.grunn, Feilgrunn::BehovUtenAnsvarlig);
    assert_eq!(refused.nokler["enhet"], "enheter/nav, enheter/rop");

    // The unit that answers for a need of one is named by one alone.
    let (kept, needed) = (benk.person(2).await, benk.person(3).await);
    protect(&benk, "rop", &kept, strict, &wide).await.unwrap();
    let post = format!("{needed}/oppdrag/0192f0a1-7b2c-7d3e-8f40-516273849508");
    benk.oppdrag("OppdragAkseptert", &needed, &post, "bom")
        .await;
    sla_sammen(&benk, &kept, &needed).await.unwrap();
    let narrow = ["koordinering", "rop"];
    let refused = protect(&benk, "rop", &needed, strict, &narrow)
        .await
        .unwrap_err();
    assert_eq!(refused.nokler["enhet"], "enheter/bom");
    protect(&benk, "rop", &needed, strict, &wide).await.unwrap();
}
