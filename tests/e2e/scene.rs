//! The stage that most tests need: a mesh, its desks, and a person with a case
//! that ROP and BOM deliver.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message;
use samspor::{
    desk::{Answer, Desk},
    mesh::{Mesh, Options, citizen, employee},
};
use samspor_chassis::{
    domene::Dag,
    id::RandomIds,
    tid::{Clock, SystemClock},
};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Hjemmel, Rolle},
    internt::Loggpost,
    koordinering::*,
    rop::*,
    tilgang::Formal,
};
use sqlx::{AnyConnection, Connection as _, Row as _};
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Made-up identity numbers: month + 80.
pub const NUMBERS: [&str; 3] = ["01819010001", "01819010192", "01819010273"];

pub struct Scene {
    pub mesh: Mesh,
    folder: TempDir,
}

impl Scene {
    /// A mesh on SQLite, in Karmøy.
    pub async fn start() -> Self {
        Self::on(Arc::new(SystemClock), |_| {}).await
    }

    /// The same in a municipality.
    pub async fn of(kommune: &str) -> Self {
        Self::on(Arc::new(SystemClock), |options| {
            kommune.clone_into(&mut options.kommune);
        })
        .await
    }

    /// The same by another clock, and with other options.
    pub async fn on(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Options)) -> Self {
        Self::at(tempfile::tempdir().unwrap(), clock, change).await
    }

    /// Stops the mesh, lets something happen to its databases, and starts it
    /// again.
    pub async fn stopped_for(self, work: impl AsyncFnOnce(&Path)) -> Self {
        self.mesh.shutdown().await;
        work(self.folder.path()).await;
        Self::at(self.folder, Arc::new(SystemClock), |_| {}).await
    }

    async fn at(folder: TempDir, clock: Arc<dyn Clock>, change: impl FnOnce(&mut Options)) -> Self {
        let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
        let mut options = Options::new(folder.path(), clock, ids);
        change(&mut options);
        let mesh = Mesh::start(options).await.unwrap();
        Self { mesh, folder }
    }

    /// A second connection to the SQLite database of a part, past its owner.
    pub async fn database(&self, part: &str) -> AnyConnection {
        let file = self.folder.path().join(format!("{part}.db"));
        AnyConnection::connect(&format!("sqlite:{}", file.display()))
            .await
            .unwrap()
    }

    /// All rows of the access log, in order.
    pub async fn log(&self) -> Vec<Loggpost> {
        let mut database = self.database("gateway").await;
        let rows = sqlx::query("SELECT bytes FROM gw_logg ORDER BY indeks")
            .fetch_all(&mut database)
            .await
            .unwrap();
        rows.iter()
            .map(|row| {
                let bytes = BASE64_STANDARD.decode(row.get::<String, _>(0)).unwrap();
                Loggpost::decode(bytes.as_slice()).unwrap()
            })
            .collect()
    }

    /// The desk of an employee. The id is the unit and the role, so that two
    /// roles are two employees.
    pub async fn desk(&self, enhet: &str, rolle: Rolle, formal: Formal) -> Desk {
        let id = format!(
            "{enhet}-{}",
            rolle
                .as_str_name()
                .trim_start_matches("ROLLE_")
                .to_lowercase()
        );
        self.desk_of(enhet, &id, rolle, formal).await
    }

    pub async fn desk_of(&self, enhet: &str, ansatt: &str, rolle: Rolle, formal: Formal) -> Desk {
        self.mesh
            .desk(employee(enhet, ansatt, rolle))
            .await
            .unwrap()
            .with_purpose(formal)
    }

    pub async fn person_desk(&self, person: &str) -> Desk {
        self.mesh
            .desk(citizen(person.trim_start_matches("personer/")))
            .await
            .unwrap()
            .with_purpose(Formal::Innsyn)
    }

    /// A person whom bestillerkontor knows, without a case.
    pub async fn person(&self, number: &str) -> String {
        let desk = self
            .desk(
                "bestillerkontor",
                Rolle::Saksbehandler,
                Formal::Saksbehandling,
            )
            .await;
        ok::<_, SikrePersonResponse>(
            &desk,
            "koordinering.v1.PersonService/SikrePerson",
            SikrePersonRequest {
                request_id: request_id(),
                fodselsnummer: number.to_owned(),
            },
        )
        .await
        .person
    }

    /// A protection that the leader of a unit proposes and its decider confirms.
    pub async fn protect(&self, enhet: &str, request: ForeslaVernRequest) -> Vern {
        let leader = self.desk(enhet, Rolle::Leder, Formal::Sikkerhet).await;
        let second = self.desk(enhet, Rolle::Beslutter, Formal::Sikkerhet).await;
        let method = "koordinering.v1.VernService/ForeslaVern";
        let proposed = ok::<_, ForeslaVernResponse>(&leader, method, request).await;
        let proposed = proposed.vern.unwrap();
        let confirm = BekreftVernRequest {
            name: proposed.name,
            request_id: request_id(),
            etag: proposed.etag,
        };
        let method = "koordinering.v1.VernService/BekreftVern";
        let held = ok::<_, BekreftVernResponse>(&second, method, confirm).await;
        held.vern.unwrap()
    }

    /// The whole case: application, decision, both units at work, Nav as party.
    pub async fn case(&self, number: &str) -> Case {
        // On the heap: it is longer than a test should carry around.
        Box::pin(self.played(number)).await
    }

    async fn played(&self, number: &str) -> Case {
        let person = self.person(number).await;
        let vedtak = self.decided(&person, &["rop", "bom"]).await;
        for unit in ["rop", "bom"] {
            let desk = self.desk(unit, Rolle::Saksbehandler, Formal::Ytelse).await;
            let offered = ok::<_, ListEnhetensOppdragResponse>(
                &desk,
                "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag",
                ListEnhetensOppdragRequest {
                    parent: format!("enheter/{unit}"),
                    ..Default::default()
                },
            )
            .await
            .oppdrag;
            let name = offered
                .iter()
                .find(|o| o.name.starts_with(&person))
                .unwrap()
                .name
                .clone();
            ok::<_, AksepterOppdragResponse>(
                &desk,
                "bestillerkontor.v1.OppdragService/AksepterOppdrag",
                AksepterOppdragRequest {
                    name: name.clone(),
                    request_id: request_id(),
                    ..Default::default()
                },
            )
            .await;
            ok::<_, StartOppdragResponse>(
                &desk,
                "bestillerkontor.v1.OppdragService/StartOppdrag",
                StartOppdragRequest {
                    name,
                    request_id: request_id(),
                    ..Default::default()
                },
            )
            .await;
        }
        Case { person, vedtak }
    }

    /// An application that was mapped and decided: these units are offered it.
    pub async fn decided(&self, person: &str, units: &[&str]) -> String {
        let soknad = self.ready(person).await;
        self.decided_on(person, &soknad, units).await
    }

    /// The vedtak on an application that is ready, offered to these units.
    pub async fn decided_on(&self, person: &str, soknad: &str, units: &[&str]) -> String {
        Box::pin(self.played_decided(person, soknad, units)).await
    }

    /// The name of an application that is mapped and ready.
    pub async fn ready(&self, person: &str) -> String {
        let person = person.to_owned();
        let inntak = self.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
        let author = self
            .desk(
                "bestillerkontor",
                Rolle::Saksbehandler,
                Formal::Saksbehandling,
            )
            .await;
        ok::<_, MottaSoknadResponse>(
            &inntak,
            "bestillerkontor.v1.SoknadService/MottaSoknad",
            MottaSoknadRequest {
                parent: person.clone(),
                request_id: request_id(),
                eget_onske: "Faste folk. Sagt av Kanari Kvitterson.".to_owned(),
                gjelder: vec![Tjenestetype::RopOppfolging.into()],
                kanal: Kanal::Oppmote.into(),
                helseopplysninger: "Opplyser om rusbruk. Sagt av Kanari Kvitterson.".to_owned(),
                ..Default::default()
            },
        )
        .await;
        let soknad = ok::<_, ListSoknaderResponse>(
            &author,
            "bestillerkontor.v1.SoknadService/ListSoknader",
            ListSoknaderRequest {
                parent: person.clone(),
                ..Default::default()
            },
        )
        .await
        .soknader[0]
            .name
            .clone();
        ok::<_, StartKartleggingResponse>(
            &author,
            "bestillerkontor.v1.SoknadService/StartKartlegging",
            StartKartleggingRequest {
                name: soknad.clone(),
                request_id: request_id(),
                ny_begrunnelse: "Alt er nytt siden sist.".to_owned(),
                ..Default::default()
            },
        )
        .await;
        ok::<_, GjorKlarSoknadResponse>(
            &author,
            "bestillerkontor.v1.SoknadService/GjorKlarSoknad",
            GjorKlarSoknadRequest {
                name: soknad.clone(),
                request_id: request_id(),
                funksjonsbeskrivelse: "Trenger struktur.".to_owned(),
                helsebeskrivelse: "Rusmiddelbruk.".to_owned(),
                ..Default::default()
            },
        )
        .await;
        soknad
    }

    async fn played_decided(&self, person: &str, soknad: &str, units: &[&str]) -> String {
        let today = Dag::av(self.mesh.now());
        let author = self
            .desk(
                "bestillerkontor",
                Rolle::Saksbehandler,
                Formal::Saksbehandling,
            )
            .await;
        let decider = self
            .desk("bestillerkontor", Rolle::Beslutter, Formal::Saksbehandling)
            .await;
        let draft = ok::<_, OpprettVedtakResponse>(
            &author,
            "bestillerkontor.v1.VedtakService/OpprettVedtak",
            OpprettVedtakRequest {
                parent: person.to_owned(),
                request_id: request_id(),
                vedtak: Some(Vedtak {
                    linjer: units.iter().map(|unit| line(unit, today)).collect(),
                    ..draft_of(soknad, today)
                }),
            },
        )
        .await
        .vedtak
        .unwrap();
        let sent = ok::<_, SendTilGodkjenningResponse>(
            &author,
            "bestillerkontor.v1.VedtakService/SendTilGodkjenning",
            SendTilGodkjenningRequest {
                name: draft.name.clone(),
                request_id: request_id(),
                etag: draft.etag,
            },
        )
        .await
        .vedtak
        .unwrap();
        ok::<_, FattVedtakResponse>(
            &decider,
            "bestillerkontor.v1.VedtakService/FattVedtak",
            FattVedtakRequest {
                name: draft.name.clone(),
                request_id: request_id(),
                etag: sent.etag,
            },
        )
        .await;
        draft.name
    }

    /// An open note, a restricted note, a crisis plan and a risk assessment.
    pub async fn journal(&self, person: &str) -> Journal {
        let clinician = self.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
        let basis = || {
            Some(Hjemmel {
                lov: "helsepersonelloven".to_owned(),
                paragraf: "§ 39".to_owned(),
            })
        };
        ok::<_, SkrivAapentNotatResponse>(
            &clinician,
            "rop.v1.JournalService/SkrivAapentNotat",
            SkrivAapentNotatRequest {
                parent: person.to_owned(),
                request_id: request_id(),
                tema: "Oppstart".to_owned(),
                funksjon: "Handler selv. Sagt av Kanari Kvitterson.".to_owned(),
                tekst: "Redusert bruk. Sagt av Kanari Kvitterson.".to_owned(),
                hjemmel: basis(),
                ..Default::default()
            },
        )
        .await;
        let leader = self.desk("rop", Rolle::Leder, Formal::Ytelse).await;
        ok::<_, TildelBehandlerResponse>(
            &leader,
            "rop.v1.BehandlingService/TildelBehandler",
            TildelBehandlerRequest {
                parent: person.to_owned(),
                request_id: request_id(),
                ansatt: "rop-behandler".to_owned(),
                hjemmel: basis(),
            },
        )
        .await;
        let restricted = ok::<_, SkrivBegrensetNotatResponse>(
            &clinician,
            "rop.v1.JournalService/SkrivBegrensetNotat",
            SkrivBegrensetNotatRequest {
                parent: person.to_owned(),
                request_id: request_id(),
                tema: "Samtale".to_owned(),
                tekst: "Fortrolig.".to_owned(),
                hjemmel: basis(),
                ..Default::default()
            },
        )
        .await
        .notat
        .unwrap()
        .name;
        let plan = ok::<_, SkrivKriseplanResponse>(
            &clinician,
            "rop.v1.KriseplanService/SkrivKriseplan",
            SkrivKriseplanRequest {
                parent: person.to_owned(),
                request_id: request_id(),
                varseltegn: "Slutter å svare. Sagt av Kanari Kvitterson.".to_owned(),
                hjelper: "Ro og kjente folk. Sagt av Kanari Kvitterson.".to_owned(),
                unnga: "Mange på en gang. Sagt av Kanari Kvitterson.".to_owned(),
                behandling: "Kontakt legevakt. Sagt av Kanari Kvitterson.".to_owned(),
                hjemmel: basis(),
                med_personen: true,
                ..Default::default()
            },
        )
        .await
        .kriseplan
        .unwrap()
        .name;
        let until = self
            .mesh
            .now()
            .plus(Duration::from_hours(90 * 24))
            .to_proto();
        ok::<_, RegistrerRisikovurderingResponse>(
            &clinician,
            "rop.v1.RisikovurderingService/RegistrerRisikovurdering",
            RegistrerRisikovurderingRequest {
                parent: person.to_owned(),
                request_id: request_id(),
                niva: Risikoniva::Gul.into(),
                tiltak: vec![Risikotiltak::ToAnsatte.into()],
                kilde: Risikokilde::EgenErfaring.into(),
                grunnlag: "Utrygg når påvirket. Sagt av Kanari Kvitterson.".to_owned(),
                utloper: Some(until),
                hjemmel: basis(),
                ..Default::default()
            },
        )
        .await;
        Journal { restricted, plan }
    }
}

/// A proposal of a protection.
pub fn vern(person: &str, kind: Verntype) -> ForeslaVernRequest {
    ForeslaVernRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        r#type: kind.into(),
        hjemmel: Some(Hjemmel {
            lov: "folkeregisterloven".to_owned(),
            paragraf: "§ 10-4".to_owned(),
        }),
        begrunnelse: "Trusler fra en tidligere samboer.".to_owned(),
        ..Default::default()
    }
}

/// A proposal of strengt fortrolig address, with mandate to these units.
pub fn strict(person: &str, units: &[&str]) -> ForeslaVernRequest {
    ForeslaVernRequest {
        mandaterte_enheter: units.iter().map(|unit| format!("enheter/{unit}")).collect(),
        ..vern(person, Verntype::StrengtFortroligAdresse)
    }
}

pub struct Case {
    pub person: String,
    pub vedtak: String,
}

pub struct Journal {
    pub restricted: String,
    pub plan: String,
}

pub fn basis(paragraf: &str) -> Hjemmel {
    Hjemmel {
        lov: "helse- og omsorgstjenesteloven".to_owned(),
        paragraf: paragraf.to_owned(),
    }
}

fn line(unit: &str, from: Dag) -> Tjenestelinje {
    let r#type = match unit {
        "rop" | "hjemmetjeneste" => Tjenestetype::RopOppfolging,
        _ => Tjenestetype::Boveiledning,
    };
    Tjenestelinje {
        r#type: r#type.into(),
        min_timer: 2.0,
        maks_timer: 4.0,
        enheter: vec![format!("enheter/{unit}")],
        fra: from.to_string(),
        til: from.pluss_dager(360).to_string(),
        hjemmel: Some(basis("§ 3-2 nr. 6")),
        mal: "Faste avtaler. Sagt av Kanari Kvitterson.".to_owned(),
        helsehensyn: "Rusmiddelbruk.".to_owned(),
        ..Default::default()
    }
}

/// A draft whose lines run from a day, and for a year.
pub fn draft_of(soknad: &str, from: Dag) -> Vedtak {
    Vedtak {
        soknad: soknad.to_owned(),
        linjer: vec![line("rop", from), line("bom", from)],
        hovedansvarlig: "enheter/rop".to_owned(),
        parter: vec!["enheter/nav".to_owned()],
        begrunnelse: "Begge trengs. Sagt av Kanari Kvitterson.".to_owned(),
        medisinsk_grunnlag: "Rusmiddelbruk.".to_owned(),
        funksjonsvurdering: "Trenger struktur.".to_owned(),
        hjemmel: Some(basis("§ 3-1")),
        personens_syn: PersonensSyn::Enig.into(),
        ..Default::default()
    }
}

/// A message as it stands in the body of a call.
pub fn framed(message: &impl Message) -> prost::bytes::Bytes {
    let length = u32::try_from(message.encoded_len()).unwrap();
    let mut body = vec![0];
    body.extend_from_slice(&length.to_be_bytes());
    message.encode(&mut body).unwrap();
    body.into()
}

/// A fresh request id.
pub fn request_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!(
        "00000000-0000-4000-8000-{:012}",
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Calls and expects an answer.
pub async fn ok<Q, A>(desk: &Desk, method: &str, request: Q) -> A
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let answer: Answer<A> = desk.call(method, request).await;
    answer
        .result
        .unwrap_or_else(|status| panic!("{method}: {:?} {}", status.code(), status.message()))
}

/// Calls and expects a refusal.
pub async fn refused<Q, A>(desk: &Desk, method: &str, request: Q) -> Status
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let answer: Answer<A> = desk.call(method, request).await;
    match answer.result {
        Ok(_) => panic!("{method} was answered"),
        Err(status) => status,
    }
}

/// The reason that an error tells.
pub fn reason(status: &Status) -> Option<Feilgrunn> {
    let info = status.get_error_details().error_info()?.reason.clone();
    Feilgrunn::from_str_name(&format!("FEILGRUNN_{info}"))
}

/// What a caller can see of an error, to compare two of them byte by byte.
pub fn seen(status: &Status) -> (Code, String, Vec<u8>) {
    (
        status.code(),
        status.message().to_owned(),
        status.details().to_vec(),
    )
}
