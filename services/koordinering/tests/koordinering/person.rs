//! The person index.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use samspor_chassis::testing::{Database, request_id};
use samspor_koordinering::{Settings, person::rules::Kvote};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::{
        HentPersonRequest, HentPersonResponse, Identitetstype, OppdaterPersonRequest,
        OppdaterPersonResponse, Person, SikrePersonRequest, SikrePersonResponse,
        SlaSammenPersonerRequest, SlaSammenPersonerResponse, Verntype,
    },
};

use crate::benk::{Avslag, Benk, Hvem, d_nummer, nokkel, nummer, settings, until};

samspor_chassis::on_both_databases! {
    one_number_leads_to_one_id,
    a_repeat_is_answered_as_before,
    a_race_for_a_new_number_makes_one_id,
    a_number_that_is_none_is_refused_without_being_repeated,
    each_employee_has_a_quota,
    a_person_is_read_and_named,
    an_unused_id_is_purged_and_a_used_one_stays,
    a_merge_joins_the_numbers_and_keeps_the_names,
    a_merge_is_refused_where_it_would_harm,
    restrictions_of_either_hold_for_both,
    of_two_protections_the_narrowest_mandate_holds_for_both,
    no_merge_hides_a_person_from_who_answers,
    a_key_is_rotated_by_use,
}

async fn hent(benk: &Benk, name: &str) -> Result<Person, Avslag> {
    let request = HentPersonRequest { name: name.into() };
    let answer: HentPersonResponse = benk
        .call(&Hvem::saksbehandler(), "PersonService/HentPerson", request)
        .await?;
    Ok(answer.person.unwrap())
}

async fn navngi(benk: &Benk, name: &str, etag: &str, navn: &str) -> Result<String, Avslag> {
    let request = OppdaterPersonRequest {
        name: name.into(),
        request_id: request_id(),
        etag: etag.into(),
        visningsnavn: navn.into(),
    };
    let answer: OppdaterPersonResponse = benk
        .call(
            &Hvem::saksbehandler(),
            "PersonService/OppdaterPerson",
            request,
        )
        .await?;
    Ok(answer.etag)
}

pub(crate) async fn sla_sammen(
    benk: &Benk,
    who: &Hvem,
    name: &str,
    duplikat: &str,
) -> Result<String, Avslag> {
    let request = SlaSammenPersonerRequest {
        name: name.into(),
        request_id: request_id(),
        duplikat: duplikat.into(),
        begrunnelse: "D-nummer ble til fødselsnummer".into(),
    };
    let answer: SlaSammenPersonerResponse = benk
        .call(who, "PersonService/SlaSammenPersoner", request)
        .await?;
    Ok(answer.person)
}

async fn one_number_leads_to_one_id(database: Database) {
    let benk = Benk::start(&database).await;
    let first = benk.person(0).await;
    let other = Hvem::new("nav", "n1", Rolle::Saksbehandler);
    assert_eq!(benk.sikre(&other, &nummer(0)).await, Ok(first.clone()));
    assert_ne!(benk.person(1).await, first);
    // Neither a fact nor an event tells that somebody became known.
    assert_eq!(benk.fakta().await, []);
    assert_eq!(benk.hendelser("koordinering").await, [""; 0]);
}

async fn a_repeat_is_answered_as_before(database: Database) {
    let benk = Benk::start(&database).await;
    let mut request = SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: nummer(0),
    };
    let who = Hvem::saksbehandler();
    let method = "PersonService/SikrePerson";
    let first: SikrePersonResponse = benk.call(&who, method, request.clone()).await.unwrap();
    let again: SikrePersonResponse = benk.call(&who, method, request.clone()).await.unwrap();
    assert_eq!(first, again);
    request.fodselsnummer = nummer(1);
    let changed: Result<SikrePersonResponse, _> = benk.call(&who, method, request).await;
    assert_eq!(changed.unwrap_err().grunn, Feilgrunn::RequestIdGjenbrukt);
}

async fn a_race_for_a_new_number_makes_one_id(database: Database) {
    let benk = Benk::start(&database).await;
    let callers = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"]
        .map(|ansatt| Hvem::new("rop", ansatt, Rolle::Saksbehandler));
    let number = nummer(0);
    let calls = callers.iter().map(|who| benk.sikre(who, &number));
    let ids: BTreeSet<String> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(ids.len(), 1);
}

async fn a_number_that_is_none_is_refused_without_being_repeated(database: Database) {
    let benk = Benk::start(&database).await;
    let valid = nummer(0);
    let last = if valid.ends_with('0') { '1' } else { '0' };
    let misspelt = format!("{}{last}", &valid[..10]);
    for (text, reason) in [
        ("", Feilgrunn::FeltMangler),
        ("123", Feilgrunn::FeltForm),
        (misspelt.as_str(), Feilgrunn::FeltForm),
        ("99999900000", Feilgrunn::FeltForm),
    ] {
        let refused = benk.sikre(&Hvem::saksbehandler(), text).await.unwrap_err();
        assert_eq!(refused.grunn, Feilgrunn::UgyldigForesporsel);
        assert_eq!(refused.felt, [("fodselsnummer".to_owned(), reason)]);
        assert!(text.is_empty() || !format!("{refused:?}").contains(text));
    }
}

async fn each_employee_has_a_quota(database: Database) {
    let kvote = Kvote {
        antall: NonZeroU32::new(2).unwrap(),
        per: Duration::from_secs(20),
    };
    let settings = Settings {
        kvote,
        ..settings(&nokkel("a", 1))
    };
    let benk = Benk::start_with(&database, settings).await;
    let (one, two) = (
        Hvem::saksbehandler(),
        Hvem::new("rop", "a2", Rolle::Saksbehandler),
    );
    for n in [0, 1] {
        assert!(benk.sikre(&one, &nummer(n)).await.is_ok());
    }
    let refused = benk.sikre(&one, &nummer(2)).await.unwrap_err();
    assert_eq!(refused.grunn, Feilgrunn::ForMangeKall);
    assert_eq!(refused.nokler["sekunder"], "10");
    assert!(benk.sikre(&two, &nummer(2)).await.is_ok());
    benk.clock.advance(Duration::from_secs(10));
    assert!(benk.sikre(&one, &nummer(2)).await.is_ok());
}

async fn a_person_is_read_and_named(database: Database) {
    let benk = Benk::start(&database).await;
    let name = benk.person(0).await;
    let person = hent(&benk, &name).await.unwrap();
    assert_eq!(person.name, name);
    assert_eq!(person.identiteter[0].nummer, nummer(0));
    assert_eq!(
        person.identiteter[0].r#type(),
        Identitetstype::Fodselsnummer
    );
    assert!(person.identiteter[0].syntetisk);
    assert_eq!(person.visningsnavn, "");

    let etag = navngi(&benk, &name, &person.etag, "Kari Eksempel")
        .await
        .unwrap();
    let stale = navngi(&benk, &name, &person.etag, "Ola").await;
    assert_eq!(stale.unwrap_err().grunn, Feilgrunn::UtdatertEtag);
    let named = hent(&benk, &name).await.unwrap();
    assert_eq!(
        (named.visningsnavn.as_str(), &named.etag),
        ("Kari Eksempel", &etag)
    );

    let missing = navngi(&benk, &name, "", "Ola").await.unwrap_err();
    assert_eq!(missing.felt, [("etag".to_owned(), Feilgrunn::FeltMangler)]);
    let number = navngi(&benk, &name, &etag, &nummer(0)).await.unwrap_err();
    assert_eq!(
        number.felt,
        [("visningsnavn".to_owned(), Feilgrunn::FeltForm)]
    );

    let nobody = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let unknown = hent(&benk, nobody).await.unwrap_err();
    assert_eq!(unknown.grunn, Feilgrunn::IkkeFunnet);
    let malformed = hent(&benk, "personer/3").await.unwrap_err();
    assert_eq!(malformed.felt, [("name".to_owned(), Feilgrunn::FeltForm)]);
}

/// To see it red, leave out `ta_i_bruk` in `OppdaterPerson`.
async fn an_unused_id_is_purged_and_a_used_one_stays(database: Database) {
    let benk = Benk::start(&database).await;
    let (unused, asked_again, used) = (
        benk.person(0).await,
        benk.person(1).await,
        benk.person(2).await,
    );
    let etag = hent(&benk, &used).await.unwrap().etag;
    navngi(&benk, &used, &etag, "Kari Eksempel").await.unwrap();
    benk.clock.advance(Duration::from_hours(60 * 24));
    assert_eq!(benk.person(1).await, asked_again);
    benk.clock.advance(Duration::from_hours(31 * 24));
    until(|| async { hent(&benk, &unused).await.is_err() }).await;
    assert_ne!(benk.person(0).await, unused);
    assert_eq!(benk.person(1).await, asked_again);
    assert_eq!(benk.person(2).await, used);
}

async fn a_merge_joins_the_numbers_and_keeps_the_names(database: Database) {
    let benk = Benk::start(&database).await;
    let (fnr, dnr) = (nummer(0), d_nummer(0));
    let remains = benk.sikre(&Hvem::saksbehandler(), &fnr).await.unwrap();
    let merged = benk.sikre(&Hvem::saksbehandler(), &dnr).await.unwrap();
    assert_ne!(remains, merged);
    let who = Hvem::koordinerende();
    assert_eq!(
        sla_sammen(&benk, &who, &remains, &merged).await,
        Ok(remains.clone())
    );
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

    // A chain stays one step deep: who pointed to the merged id is moved.
    let last = benk.person(5).await;
    sla_sammen(&benk, &who, &last, &remains).await.unwrap();
    for old in [&merged, &remains] {
        assert_eq!(benk.gjelder(old).await, [format!("SAMMENSLATT {last}")]);
    }
    assert_eq!(benk.sikre(&Hvem::saksbehandler(), &dnr).await, Ok(last));
}

async fn a_merge_is_refused_where_it_would_harm(database: Database) {
    let benk = Benk::start(&database).await;
    let (a, b, c) = (
        benk.person(0).await,
        benk.person(1).await,
        benk.person(2).await,
    );
    let who = Hvem::koordinerende();
    let elsewhere = sla_sammen(&benk, &Hvem::saksbehandler(), &a, &b).await;
    assert_eq!(elsewhere.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let same = sla_sammen(&benk, &who, &a, &a).await.unwrap_err();
    assert_eq!(
        same.felt,
        [("duplikat".to_owned(), Feilgrunn::FeltMotstrid)]
    );
    let nobody = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let unknown = sla_sammen(&benk, &who, &a, nobody).await.unwrap_err();
    assert_eq!(unknown.grunn, Feilgrunn::IkkeFunnet);

    sla_sammen(&benk, &who, &a, &b).await.unwrap();
    for (name, duplikat) in [(&c, &b), (&b, &c)] {
        let again = sla_sammen(&benk, &who, name, duplikat).await.unwrap_err();
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
    let drawn = sla_sammen(&benk, &who, &a, &hidden).await.unwrap_err();
    assert_eq!(drawn, unknown);

    // Nor may a need lose its unit by it.
    let delivered = benk.person(4).await;
    let post = format!("{delivered}/oppdrag/0192f0a1-7b2c-7d3e-8f40-516273849506");
    benk.oppdrag("OppdragTilbudt", &delivered, &post, "bom")
        .await;
    let mut mandated = Hvem::new("rop", "r9", Rolle::Saksbehandler);
    mandated.funksjoner = vec!["koordinerende_enhet".to_owned()];
    for (name, duplikat) in [(&delivered, &hidden), (&hidden, &delivered)] {
        let left = sla_sammen(&benk, &mandated, name, duplikat)
            .await
            .unwrap_err();
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
    let mut who = Hvem::koordinerende();
    who.ansatt = "k2";
    sla_sammen(&benk, &who, &remains, &merged).await.unwrap();
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
    let who = Hvem::koordinerende();

    // Fortrolig on one, strengt fortrolig on the other.
    let (remains, merged) = (benk.person(0).await, benk.person(1).await);
    let mild = protect(&benk, "rop", &remains, weak, &["rop", "nav"]).await;
    let harsh = protect(&benk, "rop", &merged, strict, &["koordinering", "rop"]).await;
    sla_sammen(&benk, &who, &remains, &merged).await.unwrap();
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
    sla_sammen(&benk, &who, &remains, &merged).await.unwrap();
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
    let refused = sla_sammen(&benk, &who, &remains, &merged)
        .await
        .unwrap_err();
    assert_eq!(refused.grunn, Feilgrunn::BehovUtenAnsvarlig);
    assert_eq!(refused.nokler["enhet"], "enheter/nav, enheter/rop");

    // The unit that answers for a need of one is named by one alone.
    let (kept, needed) = (benk.person(2).await, benk.person(3).await);
    protect(&benk, "rop", &kept, strict, &wide).await.unwrap();
    let post = format!("{needed}/oppdrag/0192f0a1-7b2c-7d3e-8f40-516273849508");
    benk.oppdrag("OppdragAkseptert", &needed, &post, "bom")
        .await;
    sla_sammen(&benk, &who, &kept, &needed).await.unwrap();
    let narrow = ["koordinering", "rop"];
    let refused = protect(&benk, "rop", &needed, strict, &narrow)
        .await
        .unwrap_err();
    assert_eq!(refused.nokler["enhet"], "enheter/bom");
    protect(&benk, "rop", &needed, strict, &wide).await.unwrap();
}

async fn a_key_is_rotated_by_use(database: Database) {
    let benk = Benk::start(&database).await;
    let (touched, untouched) = (benk.person(0).await, benk.person(1).await);
    benk.shutdown().await;

    let both = format!("{},{}", nokkel("b", 2), nokkel("a", 1));
    let benk = Benk::start_with(&database, settings(&both)).await;
    assert_eq!(benk.person(0).await, touched);
    assert_eq!(
        hent(&benk, &untouched).await.unwrap().identiteter[0].nummer,
        nummer(1)
    );
    benk.shutdown().await;

    let benk = Benk::start_with(&database, settings(&nokkel("b", 2))).await;
    assert_eq!(benk.person(0).await, touched);
    assert_eq!(
        hent(&benk, &touched).await.unwrap().identiteter[0].nummer,
        nummer(0)
    );
}

/// Neither the digits nor the name stand in any file of the database, in clear
/// or as base64 at any alignment, and not in an answer kept for repeats. To
/// see it red, let `forsegl` return the text itself, or let `OppdaterPerson`
/// answer with the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_rests_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let database = samspor_chassis::testing::sqlite();
    let benk = Benk::start(&database).await;
    let name = benk.person(0).await;
    let merged = benk
        .sikre(&Hvem::saksbehandler(), &d_nummer(0))
        .await
        .unwrap();
    let etag = hent(&benk, &name).await.unwrap().etag;
    navngi(&benk, &name, &etag, "Kari Kanarifugl Eksempel")
        .await
        .unwrap();
    sla_sammen(&benk, &Hvem::koordinerende(), &name, &merged)
        .await
        .unwrap();
    benk.shutdown().await;

    let path = database.url().strip_prefix("sqlite:").unwrap().to_owned();
    let parent = std::path::Path::new(&path).parent().unwrap();
    let mut scanned = 0;
    for entry in std::fs::read_dir(parent).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        scanned += bytes.len();
        for secret in [&nummer(0), &d_nummer(0), "Kanarifugl"] {
            for form in encodings(secret) {
                let found = bytes.windows(form.len()).any(|window| window == form);
                assert!(!found, "a secret rests in clear");
            }
        }
        // The scan itself can find: the id stands there.
        let id = name.strip_prefix("personer/").unwrap().as_bytes();
        if bytes.starts_with(b"SQLite format 3") {
            assert!(bytes.windows(id.len()).any(|window| window == id));
        }
    }
    assert!(scanned > 4096);
    drop(folder);
}

/// A text as itself, and what is the same in base64 at each alignment.
fn encodings(secret: &str) -> Vec<Vec<u8>> {
    use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
    let mut forms = vec![secret.as_bytes().to_vec()];
    for skip in 0..3 {
        // Whole groups of three bytes, wherever the text begins in a group.
        let inner = &secret.as_bytes()[skip..];
        let whole = &inner[..inner.len() / 3 * 3];
        forms.push(BASE64_STANDARD_NO_PAD.encode(whole).into_bytes());
    }
    forms
}
