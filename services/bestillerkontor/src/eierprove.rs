//! Who may change what, through the handlers and the store: every verb of the
//! service, asked for by others than the unit whose record it is.

use std::sync::Arc;

use samspor_chassis::{
    call::Call,
    error::Error,
    params,
    store::Store,
    testing::{Database, START, TestCall, request_id},
};
use samspor_proto::{
    bestillerkontor::{
        AksepterOppdragRequest, Avslutningsarsak, AvsluttOppdragRequest, AvvisHenleggelseRequest,
        AvvisOppdragRequest, Avvisningsarsak, Behovsniva, Boevne, Boevneniva, FattVedtakRequest,
        ForeslaHenleggelseRequest, ForeslaOpphorRequest, ForkastVedtakRequest,
        FullforKartleggingRequest, GiForelopigSvarRequest, GjenopptaOppdragRequest,
        GjorKlarSoknadRequest, HenleggSoknadRequest, Henleggelsesarsak, HentKartleggingRequest,
        Innhenting, Innhentingsform, Kanal, Kartlegging, KartleggingTilstand,
        ListInstrumenterRequest, ListKartleggingerRequest, Livsomrade, Livsomrader,
        MottaSoknadRequest, OppdaterLivsomraderRequest, OppdaterVedtakRequest, OpphorVedtakRequest,
        OpprettVedtakRequest, PauseOppdragRequest, Pausearsak, RegistrerInstrumentRequest,
        ReturnerVedtakRequest, ReviderKartleggingRequest, SendTilGodkjenningRequest,
        SettKontaktsamtykkeRequest, StartKartleggingRequest, StartOppdragRequest,
        TrekkSoknadRequest, UnderrettVedtakRequest, Vedtak,
    },
    felles::{Feilgrunn, Hjemmel},
    internt::Gittsamtykke,
};

use samspor_proto::klassifisering::Klasser;

use crate::{ENHET, MIGRATIONS, kartlegging, oppdrag, proveark, soknad, vedtak};

samspor_chassis::on_both_databases! {
    applications_and_decisions_are_changed_by_their_unit_alone,
    an_order_is_answered_by_the_unit_that_it_names,
    the_person_takes_the_own_application_back,
    the_mapping_is_read_by_its_name,
    a_complete_mapping_is_amended_by_a_new_edition,
    a_mapping_is_not_added_to_when_its_application_is_closed,
    a_new_application_begins_with_what_is_mapped_already,
    instruments_are_listed_in_pages,
}

pub(crate) const P: &str = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";

/// Calls a handler as the table of the service does.
macro_rules! kall {
    ($store:expr, $who:expr, $handler:path, $request:expr) => {{
        let request = $request;
        let id = request.request_id.clone();
        let written: Result<_, samspor_chassis::error::Error> = $store
            .write($who, &id, move |tx| {
                futures::FutureExt::boxed($handler(tx, request))
            })
            .await;
        written.map(|written| written.svar)
    }};
}

pub(crate) use kall;

/// Refused, and why.
macro_rules! avslag {
    ($store:expr, $who:expr, $handler:path, $request:expr) => {{
        let refused = kall!($store, $who, $handler, $request);
        let error = refused.expect_err(stringify!($handler));
        error.refusal().expect("a refusal").grunn
    }};
}

pub(crate) fn hos(enhet: &str, ansatt: &str) -> Arc<Call> {
    let units = ["rop", "bom", "hjemmetjeneste"].map(str::to_owned);
    TestCall::new(enhet)
        .ansatt(ansatt)
        .with(|permit| {
            permit.funksjoner = proveark::alle_funksjoner();
            permit.utforere = units.into();
            permit.besluttere = proveark::besluttere();
            permit.boligtildelere = proveark::boligtildelere();
            permit.klasser = Klasser::alle().iter().map(Into::into).collect();
            permit.samtykker = samtykker();
        })
        .build()
}

/// The consent that `innhenting` names.
fn samtykker() -> Vec<Gittsamtykke> {
    vec![Gittsamtykke {
        samtykke: P["personer/".len()..].to_owned(),
        fra: 0,
        klasser: Klasser::alle().iter().map(Into::into).collect(),
    }]
}

pub(crate) fn hjemmel() -> Hjemmel {
    Hjemmel {
        lov: "helse- og omsorgstjenesteloven".into(),
        paragraf: "§ 3-2".into(),
    }
}

/// From today, so that what is ordered can start.
fn draft(soknad: &str) -> Vedtak {
    let mut draft = proveark::vedtak("s");
    for line in &mut draft.linjer {
        line.fra = "2026-10-01".into();
    }
    draft.soknad = soknad.into();
    draft
}

pub(crate) fn gjor_klar(soknad: &str) -> GjorKlarSoknadRequest {
    GjorKlarSoknadRequest {
        name: soknad.into(),
        request_id: request_id(),
        funksjonsbeskrivelse: "Klarer lite alene".into(),
        helsebeskrivelse: "Angst".into(),
        ..Default::default()
    }
}

/// The name of an application that Nav registered.
pub(crate) async fn mottatt(store: &Store) -> String {
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Ro til å sove".into(),
        kanal: Kanal::Oppmote.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    name(store, "soknader", "SELECT id FROM soknad").await
}

/// An application that is ready, and the draft on it.
pub(crate) async fn klar(store: &Store) -> (String, Vedtak) {
    let soknad = mottatt(store).await;
    let request = StartKartleggingRequest {
        name: soknad.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, request).unwrap();
    let ready = gjor_klar(&soknad);
    kall!(store, hos(ENHET, "a1"), soknad::rpc::gjor_klar, ready).unwrap();
    let request = OpprettVedtakRequest {
        parent: P.into(),
        request_id: request_id(),
        vedtak: Some(draft(&soknad)),
    };
    let drafted = kall!(store, hos(ENHET, "a1"), vedtak::rpc::opprett, request).unwrap();
    (soknad, drafted.vedtak.unwrap())
}

/// A decision.
pub(crate) async fn fattet(store: &Store) -> Vedtak {
    let (_, drafted) = klar(store).await;
    let request = SendTilGodkjenningRequest {
        name: drafted.name,
        request_id: request_id(),
        etag: drafted.etag,
    };
    let sent = kall!(store, hos(ENHET, "a1"), vedtak::rpc::send, request).unwrap();
    let sent = sent.vedtak.unwrap();
    let request = FattVedtakRequest {
        name: sent.name,
        request_id: request_id(),
        etag: sent.etag,
    };
    let decided = kall!(store, hos(ENHET, "b1"), vedtak::rpc::fatt, request).unwrap();
    decided.vedtak.unwrap()
}

/// The only record of a kind, by name.
pub(crate) async fn name(store: &Store, collection: &str, sql: &'static str) -> String {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    assert_eq!(rows.len(), 1);
    format!("{P}/{collection}/{}", rows[0].0)
}

/// Everything that a change of a record would change.
async fn versions(store: &Store) -> Vec<(String, i64)> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    tx.all(
        "SELECT id, versjon FROM soknad UNION ALL SELECT id, versjon FROM vedtak \
         UNION ALL SELECT id, versjon FROM oppdrag UNION ALL SELECT id, versjon FROM kartlegging \
         UNION ALL SELECT navn, nr FROM chassis_sekvens ORDER BY 1",
        params![],
    )
    .await
    .unwrap()
}

/// Another unit with a relation to the person finds nothing to change, whatever
/// the state; nor does the person.
///
/// Seen red: with `krev_enhet` that accepts everybody; and, as it was, with the
/// person accepted everywhere and nobody asked by `OpprettVedtak`.
async fn applications_and_decisions_are_changed_by_their_unit_alone(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (application, drafted) = klar(&store).await;
    let mapping = name(&store, "kartlegginger", "SELECT id FROM kartlegging").await;
    let mapped = kartlagt(&store, &mapping, 0).await.unwrap();
    let before = versions(&store).await;
    let units = || ["rop", "bom"].map(str::to_owned).into();
    let herself = || {
        let person = TestCall::new("").innbygger(&P["personer/".len()..]);
        person
            .with(|permit| {
                permit.utforere = units();
                permit.boligtildelere = proveark::boligtildelere();
                permit.samtykker = samtykker();
            })
            .build()
    };
    let others: [(&str, &dyn Fn() -> Arc<Call>); 2] =
        [("nav", &|| hos("nav", "n1")), ("the person", &herself)];
    for (who, call) in others {
        macro_rules! refused {
            ($handler:path, $request:ident { $($field:tt)* }) => {{
                let request = $request { request_id: request_id(), $($field)* };
                let reason = avslag!(store, call(), $handler, request);
                assert_eq!(reason, Feilgrunn::IkkeFunnet, "{} by {who}", stringify!($handler));
            }};
        }
        let soknad = || application.clone();
        refused!(
            soknad::rpc::start,
            StartKartleggingRequest {
                name: soknad(),
                bygger_pa: String::new(),
                ..Default::default()
            }
        );
        refused!(
            soknad::rpc::gjor_klar,
            GjorKlarSoknadRequest {
                ..gjor_klar(&application)
            }
        );
        refused!(
            soknad::rpc::gi_forelopig_svar,
            GiForelopigSvarRequest {
                name: soknad(),
                begrunnelse: "Venter".into(),
                ventet_avgjort: "2027-01-15".into(),
            }
        );
        refused!(
            soknad::rpc::foresla_henleggelse,
            ForeslaHenleggelseRequest {
                name: soknad(),
                arsak: Henleggelsesarsak::Flyttet.into(),
                begrunnelse: "Flyttet".into(),
                hjemmel: Some(hjemmel()),
            }
        );
        refused!(
            soknad::rpc::henlegg,
            HenleggSoknadRequest {
                name: soknad(),
                etag: String::new(),
            }
        );
        refused!(
            soknad::rpc::avvis_henleggelse,
            AvvisHenleggelseRequest {
                name: soknad(),
                begrunnelse: "Har ikke flyttet".into(),
            }
        );
        if who == "nav" {
            refused!(
                soknad::rpc::sett_kontaktsamtykke,
                SettKontaktsamtykkeRequest {
                    name: soknad(),
                    reservert_kontakt: false,
                    kontaktsamtykker: vec![],
                }
            );
            refused!(
                soknad::rpc::trekk,
                TrekkSoknadRequest {
                    name: soknad(),
                    personens_onske: "Sagt på telefon".into(),
                }
            );
        }
        let mapping = || mapped.name.clone();
        refused!(
            kartlegging::rpc::registrer_instrument,
            RegistrerInstrumentRequest {
                ..gad7(&mapped.name, 1)
            }
        );
        refused!(
            kartlegging::rpc::oppdater_livsomrader,
            OppdaterLivsomraderRequest {
                ..bolig(&mapped, "Trangt")
            }
        );
        refused!(
            kartlegging::rpc::revider,
            ReviderKartleggingRequest {
                name: mapping(),
                etag: mapped.etag.clone(),
                revisjonsgrunn: "Flyttet".into(),
            }
        );
        refused!(
            kartlegging::rpc::fullfor,
            FullforKartleggingRequest { ..fullfor(&mapped) }
        );
        let name = || drafted.name.clone();
        let etag = || drafted.etag.clone();
        refused!(
            vedtak::rpc::opprett,
            OpprettVedtakRequest {
                parent: P.into(),
                vedtak: Some(draft(&application)),
            }
        );
        refused!(
            vedtak::rpc::oppdater,
            OppdaterVedtakRequest {
                name: name(),
                etag: etag(),
                vedtak: Some(draft(&application)),
            }
        );
        refused!(
            vedtak::rpc::send,
            SendTilGodkjenningRequest {
                name: name(),
                etag: etag()
            }
        );
        refused!(
            vedtak::rpc::returner,
            ReturnerVedtakRequest {
                name: name(),
                begrunnelse: "Mangler".into(),
            }
        );
        refused!(
            vedtak::rpc::fatt,
            FattVedtakRequest {
                name: name(),
                etag: etag()
            }
        );
        refused!(
            vedtak::rpc::underrett,
            UnderrettVedtakRequest {
                name: name(),
                mate: "brev".into(),
                ..Default::default()
            }
        );
        refused!(
            vedtak::rpc::forkast,
            ForkastVedtakRequest {
                name: name(),
                etag: etag(),
                begrunnelse: "Feil søknad".into(),
            }
        );
        refused!(
            vedtak::rpc::foresla_opphor,
            ForeslaOpphorRequest {
                name: name(),
                etag: etag(),
                begrunnelse: "Ikke lenger behov".into(),
                hjemmel: Some(hjemmel()),
                alternativ: "Ingen".into(),
            }
        );
        refused!(
            vedtak::rpc::opphor,
            OpphorVedtakRequest {
                name: name(),
                varsel: "brev".into(),
                etag: etag(),
            }
        );
    }
    assert_eq!(versions(&store).await, before);
}

/// Seen red: without the comparison of units in the rules of the oppdrag.
async fn an_order_is_answered_by_the_unit_that_it_names(database: Database) {
    let store = database.open(MIGRATIONS).await;
    fattet(&store).await;
    let sql = "SELECT id FROM oppdrag WHERE enhet = 'rop'";
    let order = name(&store, "oppdrag", sql).await;
    let before = versions(&store).await;
    for unit in ["bom", "nav", ENHET] {
        macro_rules! refused {
            ($handler:path, $request:ident { $($field:tt)* }) => {{
                let request = $request {
                    name: order.clone(),
                    request_id: request_id(),
                    $($field)*
                };
                let reason = avslag!(store, hos(unit, "x1"), $handler, request);
                assert_eq!(reason, Feilgrunn::IkkeTillatt, "{} by {unit}", stringify!($handler));
            }};
        }
        refused!(
            oppdrag::rpc::aksepter,
            AksepterOppdragRequest {
                ..Default::default()
            }
        );
        refused!(
            oppdrag::rpc::avvis,
            AvvisOppdragRequest {
                arsak: Avvisningsarsak::Kapasitet.into(),
                begrunnelse: "Fullt".into(),
            }
        );
        refused!(
            oppdrag::rpc::start,
            StartOppdragRequest {
                ..Default::default()
            }
        );
        refused!(
            oppdrag::rpc::pause,
            PauseOppdragRequest {
                arsak: Pausearsak::Onske.into(),
                begrunnelse: "Innlagt".into(),
                gjenopptas: "2026-12-01".into(),
            }
        );
        refused!(oppdrag::rpc::gjenoppta, GjenopptaOppdragRequest {});
        refused!(
            oppdrag::rpc::avslutt,
            AvsluttOppdragRequest {
                arsak: Avslutningsarsak::MalNadd.into(),
                begrunnelse: "Klarer seg".into(),
                alternativ: "Ingen".into(),
                ..Default::default()
            }
        );
    }
    assert_eq!(versions(&store).await, before);
}

async fn the_person_takes_the_own_application_back(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let name = mottatt(&store).await;
    let herself = TestCall::new("").innbygger(&P["personer/".len()..]).build();
    let request = TrekkSoknadRequest {
        name,
        request_id: request_id(),
        personens_onske: String::new(),
    };
    kall!(store, herself, soknad::rpc::trekk, request).unwrap();
}

/// Seen red: with the mapping kept in the application alone.
async fn the_mapping_is_read_by_its_name(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let mut tx = store.begin_read(hos("rop", "r1")).await.unwrap();
    let request = HentKartleggingRequest {
        name: decided.kartlegging.clone(),
        utgave: 0,
    };
    let found = kartlegging::rpc::hent(&mut tx, request).await.unwrap();
    let found = found.kartlegging.unwrap();
    assert_eq!(found.funksjonsbeskrivelse, "Klarer lite alene");
    assert_eq!(found.helsebeskrivelse, "Angst");
    assert_eq!(found.soknad, decided.soknad);
    assert_eq!(found.ansvarlig_enhet, "enheter/bestillerkontor");
    let request = ListKartleggingerRequest {
        parent: P.into(),
        ..Default::default()
    };
    let all = kartlegging::rpc::list(&mut tx, request).await.unwrap();
    assert_eq!(all.kartlegginger, [found]);
    let other = decided.kartlegging.replace("3f2c8a54", "4f2c8a54");
    let request = HentKartleggingRequest {
        name: other,
        utgave: 0,
    };
    let refused = kartlegging::rpc::hent(&mut tx, request).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().grunn, Feilgrunn::IkkeFunnet);
}

fn innhenting() -> Innhenting {
    Innhenting {
        spurt: Some(START.into()),
        form: Innhentingsform::Muntlig.into(),
        samtykke: format!("{P}/samtykker/{}", &P["personer/".len()..]),
        ..Default::default()
    }
}

fn gad7(name: &str, answer: i32) -> RegistrerInstrumentRequest {
    RegistrerInstrumentRequest {
        name: name.into(),
        request_id: request_id(),
        instrument: "instrumenter/gad7".into(),
        svar: vec![answer; 7],
        innhenting: Some(innhenting()),
        ..Default::default()
    }
}

fn bolig(of: &Kartlegging, egne_ord: &str) -> OppdaterLivsomraderRequest {
    OppdaterLivsomraderRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
        livsomrader: Some(Livsomrader {
            bolig: Some(Livsomrade {
                behov: Behovsniva::Stort.into(),
                egne_ord: egne_ord.into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        innhenting: Some(innhenting()),
    }
}

fn fullfor(of: &Kartlegging) -> FullforKartleggingRequest {
    FullforKartleggingRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
        funksjonsbeskrivelse: "Klarer mer".into(),
        boevne: Some(Boevne {
            niva: Boevneniva::MedOppfolging.into(),
            beskrivelse: "Lager mat".into(),
        }),
        innhenting: Some(innhenting()),
        ..Default::default()
    }
}

async fn kartlagt(store: &Store, name: &str, utgave: i32) -> Result<Kartlegging, Error> {
    let mut tx = store.begin_read(hos("rop", "r1")).await?;
    let name = name.into();
    let request = HentKartleggingRequest { name, utgave };
    let found = kartlegging::rpc::hent(&mut tx, request).await?;
    Ok(found.kartlegging.unwrap())
}

/// Events of a type, and to whom.
async fn told(store: &Store, type_: &'static str) -> Vec<String> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT m.mottaker FROM chassis_hendelse_mottaker m JOIN chassis_hendelse h ON h.nr = m.hendelse \
             WHERE h.type = $1 ORDER BY m.mottaker",
            params![type_],
        )
        .await
        .unwrap();
    rows.into_iter().map(|(unit,)| unit).collect()
}

/// Seen red: with the edition that is being mapped in the row that holds, and
/// without the archive of the one before.
async fn a_complete_mapping_is_amended_by_a_new_edition(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let first = kartlagt(&store, &decided.kartlegging, 0).await.unwrap();
    assert_eq!(
        (first.utgave, first.tilstand()),
        (1, KartleggingTilstand::Ferdig)
    );
    let here = || hos(ENHET, "a2");
    let changed = bolig(&first, "Trangt");
    let reason = avslag!(
        store,
        here(),
        kartlegging::rpc::oppdater_livsomrader,
        changed
    );
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);

    let request = ReviderKartleggingRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: first.etag.clone(),
        revisjonsgrunn: "Har flyttet".into(),
    };
    let stale = ReviderKartleggingRequest {
        request_id: request_id(),
        ..request.clone()
    };
    let second = kall!(store, here(), kartlegging::rpc::revider, request).unwrap();
    let second = second.kartlegging.unwrap();
    assert_eq!(
        (second.utgave, second.tilstand()),
        (2, KartleggingTilstand::Pagar)
    );
    let reason = avslag!(store, here(), kartlegging::rpc::revider, stale);
    assert_eq!(reason, Feilgrunn::UtdatertEtag);
    let again = ReviderKartleggingRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: second.etag.clone(),
        revisjonsgrunn: "Igjen".into(),
    };
    let reason = avslag!(store, here(), kartlegging::rpc::revider, again);
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);

    let register = gad7(&first.name, 2);
    let registered = kall!(
        store,
        here(),
        kartlegging::rpc::registrer_instrument,
        register
    );
    let registered = registered.unwrap().kartlegging.unwrap();
    assert_eq!(registered.instrumenter[0].skar, 14.0);
    assert_eq!(registered.instrumenter[0].grenser.len(), 2);
    let area = bolig(&registered, "Trangt");
    let area = kall!(store, here(), kartlegging::rpc::oppdater_livsomrader, area).unwrap();
    let area = area.kartlegging.unwrap();

    // Readers have the complete one until the next is complete.
    let held = kartlagt(&store, &first.name, 0).await.unwrap();
    assert_eq!(held.utgave, 1);
    assert_eq!(held.instrumenter, []);
    let done = kall!(store, here(), kartlegging::rpc::fullfor, fullfor(&area)).unwrap();
    let done = done.kartlegging.unwrap();
    assert_eq!(kartlagt(&store, &first.name, 0).await.unwrap(), done);
    assert_eq!(
        (done.utgave, done.tilstand()),
        (2, KartleggingTilstand::Ferdig)
    );
    assert_eq!(done.funksjonsbeskrivelse, "Klarer mer");
    assert_eq!(done.helsebeskrivelse, "Angst");
    assert_eq!(done.revisjonsgrunn, "Har flyttet");
    let asked = done.livsomrader.as_ref().unwrap().bolig.as_ref().unwrap();
    assert_eq!(asked.egne_ord, "Trangt");
    assert_eq!(asked.innhenting.as_ref().unwrap().spurt_av, "a2");
    assert_eq!(
        told(&store, "KartleggingRevidert").await,
        ["bestillerkontor", "bom", "rop"]
    );

    // The first stands as it was.
    let earlier = kartlagt(&store, &first.name, 1).await.unwrap();
    let etag = earlier.etag.clone();
    assert_eq!(earlier, Kartlegging { etag, ..first });
    for utgave in [3, -1] {
        assert!(kartlagt(&store, &done.name, utgave).await.is_err());
    }
}

/// Seen red: without the state of the application in `apne`.
async fn a_mapping_is_not_added_to_when_its_application_is_closed(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let soknad = mottatt(&store).await;
    let start = StartKartleggingRequest {
        name: soknad.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, start).unwrap();
    let mapping = name(&store, "kartlegginger", "SELECT id FROM kartlegging").await;
    let here = || hos(ENHET, "a1");
    let first = gad7(&mapping, 0);
    kall!(store, here(), kartlegging::rpc::registrer_instrument, first).unwrap();
    let begun = kartlagt(&store, &mapping, 0).await.unwrap();
    assert_eq!(begun.tilstand(), KartleggingTilstand::Pagar);
    let unready = fullfor(&begun);
    let reason = avslag!(store, here(), kartlegging::rpc::fullfor, unready);
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);
    let request = TrekkSoknadRequest {
        name: soknad,
        request_id: request_id(),
        personens_onske: "Sagt på telefon".into(),
    };
    kall!(store, here(), soknad::rpc::trekk, request).unwrap();
    let late = gad7(&mapping, 1);
    let reason = avslag!(store, here(), kartlegging::rpc::registrer_instrument, late);
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);
    let kept = kartlagt(&store, &mapping, 0).await.unwrap();
    assert_eq!(kept.instrumenter.len(), 1);
}

/// Seen red: without the comparison of persons in `start`.
async fn a_new_application_begins_with_what_is_mapped_already(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Mer hjelp".into(),
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let sql = "SELECT id FROM soknad WHERE tilstand = 'MOTTATT'";
    let second = name(&store, "soknader", sql).await;
    let start = |bygger_pa: &str| StartKartleggingRequest {
        name: second.clone(),
        request_id: request_id(),
        bygger_pa: bygger_pa.into(),
        ..Default::default()
    };
    // What one person told is not another's.
    let other = P.replace("3f2c8a54", "4f2c8a54");
    let request = MottaSoknadRequest {
        parent: other.clone(),
        request_id: request_id(),
        eget_onske: "Ro".into(),
        kanal: Kanal::Brev.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let sql = "SELECT id FROM soknad WHERE person LIKE '4%'";
    let theirs = name(&store, "soknader", sql).await.replace(P, &other);
    let foreign = StartKartleggingRequest {
        name: theirs,
        ..start(&decided.kartlegging)
    };
    let reason = avslag!(store, hos(ENHET, "a1"), soknad::rpc::start, foreign);
    assert_eq!(reason, Feilgrunn::IkkeFunnet);
    let good = start(&decided.kartlegging);
    let begun = kall!(store, hos(ENHET, "a1"), soknad::rpc::start, good).unwrap();
    let begun = begun.soknad.unwrap().kartlegging;
    let found = kartlagt(&store, &begun, 0).await.unwrap();
    assert_eq!(found.bygger_pa, decided.kartlegging);
    assert_eq!(found.helsebeskrivelse, "Angst");
    assert_eq!(found.tilstand(), KartleggingTilstand::Pagar);
    assert_eq!(found.kartlagt, None);
}

async fn instruments_are_listed_in_pages(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let mut tx = store.begin_read(hos("nav", "n1")).await.unwrap();
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListInstrumenterRequest {
            parent: "enheter/nav".into(),
            page_size: 2,
            page_token,
        };
        let page = kartlegging::rpc::list_instrumenter(&mut tx, request)
            .await
            .unwrap();
        assert!(page.instrumenter.len() <= 2);
        names.extend(page.instrumenter.into_iter().map(|found| found.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected = ["audit", "dudit", "gad7", "phq9", "scl10"];
    assert_eq!(names, expected.map(|id| format!("instrumenter/{id}")));
}
