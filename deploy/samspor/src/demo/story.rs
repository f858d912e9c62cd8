//! What happens, in order.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use prost::Message;
use samspor_proto::{
    bestillerkontor::*,
    felles::{Hjemmel, Periode, Rolle},
    gateway::{ListInnsynRequest, ListInnsynResponse},
    hendelse::{FolgRequest, FolgResponse},
    klassifisering::{Klasser, kortnavn},
    koordinering::*,
    rop::*,
    tilgang::{Dataklasse, Formal},
};
use tonic::Status;

use super::{
    print::{Printer, Step},
    seen::{Seen, seen},
};
use crate::{
    desk::{Answer, Desk},
    mesh::{Mesh, citizen, employee},
};

/// A made-up identity number: month + 80, so that no person can have it.
const SYNTETISK: &str = "01819010001";

/// Somebody at a desk, with a name for the audience.
struct Someone {
    name: &'static str,
    desk: Desk,
}

struct Stage<'m> {
    mesh: &'m Mesh,
    out: &'m mut Printer,
    requests: u32,
}

/// Plays everything. Gives the trace id of the decision.
pub(super) async fn play(mesh: &Mesh, out: &mut Printer) -> Result<String> {
    let mut stage = Stage {
        mesh,
        out,
        requests: 0,
    };
    Box::pin(stage.play()).await
}

impl Stage<'_> {
    async fn someone(
        &self,
        name: &'static str,
        unit: &str,
        id: &str,
        role: Rolle,
    ) -> Result<Someone> {
        Ok(Someone {
            name,
            desk: self.mesh.desk(employee(unit, id, role)).await?,
        })
    }

    /// A fresh request id; fixed, so that the demo is the same every time.
    fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("00000000-0000-4000-8000-{:012}", self.requests)
    }

    /// Asks, tells the audience, and hands the answer on.
    async fn ask<Q, A>(
        &mut self,
        who: &Someone,
        formal: Formal,
        what: &str,
        method: &str,
        request: Q,
        tell: impl FnOnce(&A) -> (String, Option<Seen>),
    ) -> Answer<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let answer: Answer<A> = who.desk.with_purpose(formal).call(method, request).await;
        let (svar, innhold) = match &answer.result {
            Ok(response) => tell(response),
            Err(status) => (refusal(status), None),
        };
        self.out.step(Step {
            hvem: who.name.to_owned(),
            hva: what.to_owned(),
            formal: formal
                .as_str_name()
                .trim_start_matches("FORMAL_")
                .to_owned(),
            svar,
            avslatt: answer.result.is_err(),
            innhold,
            sporing: answer.trace_id.clone(),
            ..Step::default()
        });
        answer
    }

    async fn play(&mut self) -> Result<String> {
        let counter = self
            .someone("Counter at Nav", "nav", "nav-skranke", Rolle::Inntak)
            .await?;
        let registrar = self
            .someone(
                "Bestillerkontor, caseworker A",
                "bestillerkontor",
                "bk-a",
                Rolle::Saksbehandler,
            )
            .await?;
        let caseworker = self
            .someone(
                "Bestillerkontor, caseworker B",
                "bestillerkontor",
                "bk-b",
                Rolle::Saksbehandler,
            )
            .await?;
        let same_decider = self
            .someone(
                "The same caseworker B, as decider",
                "bestillerkontor",
                "bk-b",
                Rolle::Beslutter,
            )
            .await?;
        let decider = self
            .someone(
                "Bestillerkontor, decider",
                "bestillerkontor",
                "bk-c",
                Rolle::Beslutter,
            )
            .await?;
        let rop = self
            .someone("ROP, caseworker", "rop", "rop-a", Rolle::Saksbehandler)
            .await?;
        let clinician = self
            .someone("ROP, clinician", "rop", "rop-b", Rolle::Behandler)
            .await?;
        let leader = self
            .someone("ROP, leader", "rop", "rop-l", Rolle::Leder)
            .await?;
        let milieu = self
            .someone("ROP, milieu staff", "rop", "rop-c", Rolle::Miljo)
            .await?;
        let bom = self
            .someone("BOM, caseworker", "bom", "bom-a", Rolle::Saksbehandler)
            .await?;
        let landlord = self
            .someone(
                "Boligkontor, a party only",
                "boligkontor",
                "bo-a",
                Rolle::Saksbehandler,
            )
            .await?;
        let nav = self
            .someone("Nav, caseworker", "nav", "nav-a", Rolle::Saksbehandler)
            .await?;

        self.out
            .chapter("One door: a person is known, and asks in her own words");
        let id = self.request_id();
        let person = self
            .ask(
                &registrar,
                Formal::Saksbehandling,
                "looks the person up by identity number",
                "koordinering.v1.PersonService/SikrePerson",
                SikrePersonRequest {
                    request_id: id,
                    fodselsnummer: SYNTETISK.to_owned(),
                },
                |answer: &SikrePersonResponse| {
                    (
                        format!("{}; whether it is new is not told", answer.person),
                        None,
                    )
                },
            )
            .await
            .result
            .map_err(failed)?
            .person;
        let id = self.request_id();
        self.ask(
            &counter,
            Formal::Oppfolging,
            "registers an application on the person's behalf",
            "bestillerkontor.v1.SoknadService/MottaSoknad",
            MottaSoknadRequest {
                parent: person.clone(),
                request_id: id,
                eget_onske: "Å bo hjemme, med faste folk som kjenner meg.".to_owned(),
                gjelder: vec![
                    Tjenestetype::RopOppfolging.into(),
                    Tjenestetype::Boveiledning.into(),
                ],
                kanal: Kanal::Oppmote.into(),
                helseopplysninger: "Opplyser selv om rusbruk.".to_owned(),
                ..MottaSoknadRequest::default()
            },
            |answer: &MottaSoknadResponse| {
                let reference = answer
                    .kvittering
                    .as_ref()
                    .map(|k| k.referanse.clone())
                    .unwrap_or_default();
                (format!("receipt {reference}, and nothing else"), None)
            },
        )
        .await
        .result
        .map_err(failed)?;

        let soknad = self
            .ask(
                &caseworker,
                Formal::Saksbehandling,
                "opens the unit's work list",
                "bestillerkontor.v1.SoknadService/ListEnhetensSoknader",
                ListEnhetensSoknaderRequest {
                    parent: "enheter/bestillerkontor".to_owned(),
                    ..Default::default()
                },
                |answer: &ListEnhetensSoknaderResponse| {
                    let first = answer
                        .soknader
                        .first()
                        .map(|s| seen("samspor.bestillerkontor.v1.Soknad", s));
                    (
                        format!("{} application waits", answer.soknader.len()),
                        first,
                    )
                },
            )
            .await
            .result
            .map_err(failed)?
            .soknader
            .into_iter()
            .next()
            .context("the application is not in the work list")?
            .name;
        let id = self.request_id();
        self.ask(
            &caseworker,
            Formal::Saksbehandling,
            "starts the assessment, which confirms the relation",
            "bestillerkontor.v1.SoknadService/StartKartlegging",
            StartKartleggingRequest {
                name: soknad.clone(),
                request_id: id,
                ..Default::default()
            },
            |answer: &StartKartleggingResponse| {
                (
                    format!(
                        "state {}",
                        answer
                            .soknad
                            .as_ref()
                            .map(|s| s.tilstand().as_str_name())
                            .unwrap_or_default()
                    ),
                    None,
                )
            },
        )
        .await
        .result
        .map_err(failed)?;
        let id = self.request_id();
        self.ask(
            &caseworker,
            Formal::Saksbehandling,
            "completes the assessment, once and for all readers",
            "bestillerkontor.v1.SoknadService/GjorKlarSoknad",
            GjorKlarSoknadRequest {
                name: soknad.clone(),
                request_id: id,
                funksjonsbeskrivelse: "Trenger struktur i hverdagen og følge til avtaler."
                    .to_owned(),
                helsebeskrivelse: "Lett utviklingshemming og rusmiddelbruk.".to_owned(),
                ..Default::default()
            },
            |_: &GjorKlarSoknadResponse| ("ready for decision".to_owned(), None),
        )
        .await
        .result
        .map_err(failed)?;

        self.out
            .chapter("One vedtak for two services: what K4 says did not happen");
        let id = self.request_id();
        let draft = self
            .ask(
                &caseworker,
                Formal::Saksbehandling,
                "drafts one vedtak with a line for ROP and a line for BOM",
                "bestillerkontor.v1.VedtakService/OpprettVedtak",
                OpprettVedtakRequest {
                    parent: person.clone(),
                    request_id: id,
                    vedtak: Some(draft_of(&soknad)),
                },
                |answer: &OpprettVedtakResponse| {
                    let lines = answer.vedtak.as_ref().map_or(0, |v| v.linjer.len());
                    (
                        format!("draft with {lines} lines, hovedansvarlig enheter/rop"),
                        None,
                    )
                },
            )
            .await
            .result
            .map_err(failed)?
            .vedtak
            .context("no draft came back")?;
        let id = self.request_id();
        let sent = self
            .ask(
                &caseworker,
                Formal::Saksbehandling,
                "sends it for approval",
                "bestillerkontor.v1.VedtakService/SendTilGodkjenning",
                SendTilGodkjenningRequest {
                    name: draft.name.clone(),
                    request_id: id,
                    etag: draft.etag.clone(),
                },
                |_: &SendTilGodkjenningResponse| ("waits for somebody else".to_owned(), None),
            )
            .await
            .result
            .map_err(failed)?
            .vedtak
            .context("no draft came back")?;
        let decide = |request_id: String| FattVedtakRequest {
            name: draft.name.clone(),
            request_id,
            etag: sent.etag.clone(),
        };
        let id = self.request_id();
        self.ask(
            &same_decider,
            Formal::Saksbehandling,
            "tries to decide on the own draft",
            "bestillerkontor.v1.VedtakService/FattVedtak",
            decide(id),
            |_: &FattVedtakResponse| ("decided".to_owned(), None),
        )
        .await;
        let id = self.request_id();
        let decided = self
            .ask(
                &decider,
                Formal::Saksbehandling,
                "decides",
                "bestillerkontor.v1.VedtakService/FattVedtak",
                decide(id),
                |_: &FattVedtakResponse| {
                    (
                        "the vedtak stands; ROP and BOM each have an oppdrag".to_owned(),
                        None,
                    )
                },
            )
            .await;
        decided.result.map_err(failed)?;
        let trace = decided.trace_id;

        for (who, unit) in [(&rop, "rop"), (&bom, "bom")] {
            self.take_on(who, unit).await?;
        }

        self.out
            .chapter("ROP delivers, and writes what it must where it belongs");
        self.deliver(&person, &leader, &clinician, &milieu).await?;

        self.out.chapter("One record, five readers");
        for (who, formal) in [
            (&caseworker, Formal::Saksbehandling),
            (&clinician, Formal::Ytelse),
            (&bom, Formal::Ytelse),
            (&landlord, Formal::Samordning),
        ] {
            let _ = self.read_vedtak(who, formal, &draft.name).await;
        }
        let stranger = self
            .someone(
                "Hjemmetjeneste, not named",
                "hjemmetjeneste",
                "hj-a",
                Rolle::Saksbehandler,
            )
            .await?;
        let _ = self
            .read_vedtak(&stranger, Formal::Ytelse, &draft.name)
            .await;
        self.ask(
            &bom,
            Formal::Sikkerhet,
            "asks how to visit safely",
            "rop.v1.RisikovurderingService/HentGjeldendeRisikovurdering",
            HentGjeldendeRisikovurderingRequest {
                parent: person.clone(),
            },
            |answer: &HentGjeldendeRisikovurderingResponse| {
                let risk = answer.risikovurdering.as_ref();
                (
                    "two on visits; why is not BOM's to know".to_owned(),
                    risk.map(|r| seen("samspor.rop.v1.Risikovurdering", r)),
                )
            },
        )
        .await;

        self.out
            .chapter("Nav asks for more, and the person decides");
        self.consent(&person, &draft.name, &nav).await?;
        self.show_log(&person).await?;
        Ok(trace)
    }

    /// A unit takes on what it was offered.
    async fn take_on(&mut self, who: &Someone, unit: &str) -> Result<()> {
        let offered = self
            .ask(
                who,
                Formal::Ytelse,
                "finds the offer in its work list",
                "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag",
                ListEnhetensOppdragRequest {
                    parent: format!("enheter/{unit}"),
                    ..Default::default()
                },
                |answer: &ListEnhetensOppdragResponse| {
                    let first = answer
                        .oppdrag
                        .first()
                        .map(|o| seen("samspor.bestillerkontor.v1.Oppdrag", o));
                    (format!("{} oppdrag", answer.oppdrag.len()), first)
                },
            )
            .await
            .result
            .map_err(failed)?
            .oppdrag
            .into_iter()
            .next()
            .with_context(|| format!("no oppdrag for {unit}"))?;
        let id = self.request_id();
        self.ask(
            who,
            Formal::Ytelse,
            "accepts it",
            "bestillerkontor.v1.OppdragService/AksepterOppdrag",
            AksepterOppdragRequest {
                name: offered.name.clone(),
                request_id: id,
            },
            |_: &AksepterOppdragResponse| ("responsible from now".to_owned(), None),
        )
        .await
        .result
        .map_err(failed)?;
        let id = self.request_id();
        self.ask(
            who,
            Formal::Ytelse,
            "starts it",
            "bestillerkontor.v1.OppdragService/StartOppdrag",
            StartOppdragRequest {
                name: offered.name,
                request_id: id,
            },
            |_: &StartOppdragResponse| ("started".to_owned(), None),
        )
        .await
        .result
        .map_err(failed)?;
        Ok(())
    }

    async fn deliver(
        &mut self,
        person: &str,
        leader: &Someone,
        clinician: &Someone,
        milieu: &Someone,
    ) -> Result<()> {
        let now = prost_types_now(self.mesh);
        let id = self.request_id();
        self.ask(
            milieu,
            Formal::Ytelse,
            "visits",
            "rop.v1.KontaktService/RegistrerKontakt",
            RegistrerKontaktRequest {
                parent: person.to_owned(),
                request_id: id,
                r#type: Kontakttype::Besok.into(),
                utfall: Kontaktutfall::Mott.into(),
                tidspunkt: Some(now),
                notat: "Ryddet sammen, avtalte ny dag.".to_owned(),
                hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-2 nr. 6")),
                ..Default::default()
            },
            |_: &RegistrerKontaktResponse| ("met".to_owned(), None),
        )
        .await
        .result
        .map_err(failed)?;
        let id = self.request_id();
        self.ask(
            clinician,
            Formal::Ytelse,
            "writes what cooperating units need",
            "rop.v1.JournalService/SkrivAapentNotat",
            SkrivAapentNotatRequest {
                parent: person.to_owned(),
                request_id: id,
                tema: "Oppstart".to_owned(),
                funksjon: "Klarer innkjøp med følge.".to_owned(),
                tekst: "Redusert rusbruk siste uke.".to_owned(),
                hjemmel: Some(basis("helsepersonelloven", "§ 39")),
                ..Default::default()
            },
            |_: &SkrivAapentNotatResponse| ("open note".to_owned(), None),
        )
        .await
        .result
        .map_err(failed)?;
        let id = self.request_id();
        self.ask(
            leader,
            Formal::Ytelse,
            "names the clinician who treats the person",
            "rop.v1.BehandlingService/TildelBehandler",
            TildelBehandlerRequest {
                parent: person.to_owned(),
                request_id: id,
                ansatt: "rop-b".to_owned(),
                hjemmel: Some(basis("helsepersonelloven", "§ 4")),
            },
            |_: &TildelBehandlerResponse| {
                (
                    "the restricted journal opens for that employee alone".to_owned(),
                    None,
                )
            },
        )
        .await
        .result
        .map_err(failed)?;
        let id = self.request_id();
        let restricted = self
            .ask(
                clinician,
                Formal::Ytelse,
                "writes down a therapy conversation",
                "rop.v1.JournalService/SkrivBegrensetNotat",
                SkrivBegrensetNotatRequest {
                    parent: person.to_owned(),
                    request_id: id,
                    tema: "Samtale".to_owned(),
                    tekst: "Fortrolig samtale.".to_owned(),
                    hjemmel: Some(basis("helsepersonelloven", "§ 39")),
                    ..Default::default()
                },
                |_: &SkrivBegrensetNotatResponse| ("restricted note; whoever does not treat the person cannot tell that it exists".to_owned(), None),
            )
            .await;
        restricted.result.map_err(failed)?;
        self.ask(
            milieu,
            Formal::Ytelse,
            "asks for the restricted notes",
            "rop.v1.JournalService/ListBegrensedeNotater",
            ListBegrensedeNotaterRequest {
                parent: person.to_owned(),
                ..Default::default()
            },
            |answer: &ListBegrensedeNotaterResponse| {
                (format!("{} notes", answer.notater.len()), None)
            },
        )
        .await;
        let id = self.request_id();
        self.ask(
            clinician,
            Formal::Ytelse,
            "assesses the risk of visits",
            "rop.v1.RisikovurderingService/RegistrerRisikovurdering",
            RegistrerRisikovurderingRequest {
                parent: person.to_owned(),
                request_id: id,
                niva: Risikoniva::Gul.into(),
                tiltak: vec![Risikotiltak::ToAnsatte.into()],
                kilde: Risikokilde::EgenErfaring.into(),
                grunnlag: "Utrygg når påvirket.".to_owned(),
                utloper: Some(prost_types::Timestamp {
                    seconds: now.seconds + 90 * 86_400,
                    nanos: 0,
                }),
                hjemmel: Some(basis("arbeidsmiljøloven", "§ 4-3")),
                ..Default::default()
            },
            |_: &RegistrerRisikovurderingResponse| {
                ("yellow: two on visits, for 90 days".to_owned(), None)
            },
        )
        .await
        .result
        .map_err(failed)?;
        Ok(())
    }

    async fn read_vedtak(
        &mut self,
        who: &Someone,
        formal: Formal,
        name: &str,
    ) -> Result<HentVedtakResponse, Status> {
        self.ask(
            who,
            formal,
            "reads the vedtak",
            "bestillerkontor.v1.VedtakService/HentVedtak",
            HentVedtakRequest {
                name: name.to_owned(),
                versjon: 0,
            },
            |answer: &HentVedtakResponse| {
                let vedtak = answer.vedtak.as_ref();
                let lines = vedtak.map_or(0, |v| v.linjer.len());
                (
                    format!("the vedtak with {lines} line(s)"),
                    vedtak.map(|v| seen("samspor.bestillerkontor.v1.Vedtak", v)),
                )
            },
        )
        .await
        .result
    }

    async fn consent(&mut self, person: &str, vedtak: &str, nav: &Someone) -> Result<()> {
        let herself = Someone {
            name: "The person",
            desk: self
                .mesh
                .desk(citizen(person.trim_start_matches("personer/")))
                .await?,
        };
        let _ = self.read_vedtak(nav, Formal::Samordning, vedtak).await;
        let id = self.request_id();
        let now = prost_types_now(self.mesh);
        let consent = self
            .ask(
                &herself,
                Formal::Innsyn,
                "lets Nav's caseworkers know function and health, for 90 days",
                "koordinering.v1.SamtykkeService/GiSamtykke",
                GiSamtykkeRequest {
                    parent: person.to_owned(),
                    request_id: id,
                    enhet: "enheter/nav".to_owned(),
                    rolle: Rolle::Saksbehandler.into(),
                    klasser: vec![
                        Dataklasse::Tjeneste.into(),
                        Dataklasse::Funksjon.into(),
                        Dataklasse::Helse.into(),
                    ],
                    formal: Formal::Samordning.into(),
                    periode: Some(Periode {
                        fra: None,
                        til: Some(prost_types::Timestamp {
                            seconds: now.seconds + 90 * 86_400,
                            nanos: 0,
                        }),
                    }),
                    form: Samtykkeform::Digital.into(),
                    innhentet: Some(now),
                },
                |_: &GiSamtykkeResponse| ("consent holds from this answer on".to_owned(), None),
            )
            .await
            .result
            .map_err(failed)?
            .samtykke
            .context("no consent came back")?
            .name;
        let _ = self.read_vedtak(nav, Formal::Samordning, vedtak).await;
        let mut stream = nav
            .desk
            .with_purpose(Formal::Samordning)
            .stream::<_, FolgResponse>(
                "hendelse.v1.HendelseService/Folg",
                FolgRequest {
                    parent: person.to_owned(),
                    tjeneste: "rop".to_owned(),
                    fra: None,
                },
            )
            .await
            .map_err(failed)?;
        let id = self.request_id();
        self.ask(
            &herself,
            Formal::Innsyn,
            "withdraws the consent; no reason is asked for",
            "koordinering.v1.SamtykkeService/TrekkSamtykke",
            TrekkSamtykkeRequest {
                name: consent,
                request_id: id,
            },
            |_: &TrekkSamtykkeResponse| {
                (
                    "withdrawn, and honoured by every replica when this is answered".to_owned(),
                    None,
                )
            },
        )
        .await
        .result
        .map_err(failed)?;
        let ended = tokio::time::timeout(Duration::from_secs(5), async {
            loop {
                match stream.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return "the stream ended".to_owned(),
                    Err(status) => return refusal(&status),
                }
            }
        })
        .await;
        self.out.step(Step {
            hvem: nav.name.to_owned(),
            hva: "had a stream of the person's events open".to_owned(),
            svar: ended.unwrap_or_else(|_| "the stream is still open".to_owned()),
            avslatt: true,
            ..Step::default()
        });
        let _ = self.read_vedtak(nav, Formal::Samordning, vedtak).await;
        Ok(())
    }

    async fn show_log(&mut self, person: &str) -> Result<()> {
        let herself = self
            .mesh
            .desk(citizen(person.trim_start_matches("personer/")))
            .await?;
        let log: Answer<ListInnsynResponse> = herself
            .with_purpose(Formal::Innsyn)
            .call(
                "gateway.v1.InnsynsloggService/ListInnsyn",
                ListInnsynRequest {
                    parent: person.to_owned(),
                    page_size: 200,
                    page_token: String::new(),
                },
            )
            .await;
        let rows = log.result.map_err(failed)?.innsyn;
        let lines: Vec<String> = rows
            .iter()
            .rev()
            .map(|row| {
                let actor = row.aktor.clone().unwrap_or_default();
                let who = match actor.enhet.trim_start_matches("enheter/") {
                    "" => "you".to_owned(),
                    unit => format!("{unit} {}", actor.ansatt),
                };
                let method = row.metode.rsplit('/').next().unwrap_or_default();
                let released: Klasser = row
                    .poster
                    .iter()
                    .flat_map(samspor_proto::gateway::InnsynPost::utlevert)
                    .collect();
                let what = if row.avslatt {
                    "refused".to_owned()
                } else {
                    released
                        .iter()
                        .filter(|c| *c != Dataklasse::Teknisk)
                        .map(kortnavn)
                        .collect::<Vec<_>>()
                        .join(" ")
                };
                format!("{who:<28} {method:<30} {:<14} {what}", row.regler.join(","))
            })
            .collect();
        self.out
            .lines("The access log as the person sees it", &lines);
        Ok(())
    }
}

fn draft_of(soknad: &str) -> Vedtak {
    let line = |r#type: Tjenestetype, unit: &str, min: f64, max: f64, mal: &str| Tjenestelinje {
        r#type: r#type.into(),
        min_timer: min,
        maks_timer: max,
        enheter: vec![format!("enheter/{unit}")],
        fra: "2027-01-04".to_owned(),
        til: "2027-12-31".to_owned(),
        hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-2 nr. 6")),
        mal: mal.to_owned(),
        ..Tjenestelinje::default()
    };
    Vedtak {
        soknad: soknad.to_owned(),
        linjer: vec![
            line(
                Tjenestetype::RopOppfolging,
                "rop",
                2.0,
                4.0,
                "Mindre rusbruk, faste avtaler.",
            ),
            line(
                Tjenestetype::Boveiledning,
                "bom",
                5.0,
                8.0,
                "Klare hjemmet med følge.",
            ),
        ],
        hovedansvarlig: "enheter/rop".to_owned(),
        parter: vec!["enheter/boligkontor".to_owned()],
        begrunnelse: "Begge tjenester trengs samtidig; den ene erstatter ikke den andre."
            .to_owned(),
        medisinsk_grunnlag: "Lett utviklingshemming og rusmiddelbruk.".to_owned(),
        funksjonsvurdering: "Trenger struktur i hverdagen.".to_owned(),
        hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-1")),
        personens_syn: PersonensSyn::Enig.into(),
        ..Vedtak::default()
    }
}

fn basis(lov: &str, paragraf: &str) -> Hjemmel {
    Hjemmel {
        lov: lov.to_owned(),
        paragraf: paragraf.to_owned(),
    }
}

fn prost_types_now(mesh: &Mesh) -> prost_types::Timestamp {
    mesh.now().to_proto()
}

fn refusal(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn failed(status: Status) -> anyhow::Error {
    anyhow!("a step that must succeed was refused: {}", refusal(&status))
}
