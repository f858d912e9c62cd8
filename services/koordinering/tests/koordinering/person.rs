//! The person index.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use samspor_chassis::testing::{Database, request_id};
use samspor_koordinering::{Settings, person::rules::Kvote};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::{
        HentPersonRequest, HentPersonResponse, Identitetstype, OppdaterPersonRequest,
        OppdaterPersonResponse, Person, SikrePersonRequest, SikrePersonResponse,
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
    a_key_is_rotated_by_use,
}

pub(crate) async fn hent(benk: &Benk, name: &str) -> Result<Person, Avslag> {
    let request = HentPersonRequest { name: name.into() };
    let answer: HentPersonResponse = benk
        .call(&Hvem::saksbehandler(), "PersonService/HentPerson", request)
        .await?;
    Ok(answer.person.unwrap())
}

pub(crate) async fn navngi(
    benk: &Benk,
    name: &str,
    etag: &str,
    navn: &str,
) -> Result<String, Avslag> {
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
    crate::sammenslaing::sla_sammen(&benk, &name, &merged)
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
