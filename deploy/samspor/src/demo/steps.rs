//! Steps that the stories share: from an application to a decision, its
//! delivery, and what waits.

use anyhow::{Context as _, Result};
use samspor_proto::{
    bestillerkontor::*,
    koordinering::{SikrePersonRequest, SikrePersonResponse},
    tilgang::Formal,
};
use tonic::Status;

use super::{
    seen::seen,
    stage::{SYNTETISK, Someone, Stage, basis, short, unit_of},
};

const SOKNAD: &str = "bestillerkontor.v1.SoknadService";
const KARTLEGGING: &str = "bestillerkontor.v1.KartleggingService";
const VEDTAK: &str = "bestillerkontor.v1.VedtakService";
const OPPDRAG: &str = "bestillerkontor.v1.OppdragService";

/// What was found out about a person's needs.
pub(super) struct Funn {
    pub(super) omrader: Livsomrader,
    /// Answers to AUDIT.
    pub(super) audit: Vec<i32>,
    pub(super) boevne: Boevne,
    pub(super) funksjon: &'static str,
    pub(super) helse: &'static str,
}

/// Need in an area of life, in the person's words.
pub(super) fn need(behov: Behovsniva, egne_ord: &str) -> Livsomrade {
    Livsomrade {
        behov: behov.into(),
        egne_ord: egne_ord.to_owned(),
        ..Livsomrade::default()
    }
}

impl Stage<'_> {
    /// The person becomes known.
    pub(super) async fn known(&mut self, who: &Someone) -> Result<String> {
        let request = SikrePersonRequest {
            request_id: self.id(),
            fodselsnummer: SYNTETISK.to_owned(),
        };
        let found = self
            .must(
                who,
                Formal::Saksbehandling,
                "looks the person up by identity number",
                "koordinering.v1.PersonService/SikrePerson",
                request,
                |answer: &SikrePersonResponse| {
                    format!("{}; whether it is new is not told", answer.person)
                },
            )
            .await?;
        Ok(found.person)
    }

    /// An application, and the caseworker who finds it in the unit's list.
    pub(super) async fn applied(
        &mut self,
        counter: &Someone,
        caseworker: &Someone,
        soknad: MottaSoknadRequest,
    ) -> Result<String> {
        let request = MottaSoknadRequest {
            request_id: self.id(),
            ..soknad
        };
        self.must(
            counter,
            Formal::Oppfolging,
            "registers an application on the person's behalf",
            &format!("{SOKNAD}/MottaSoknad"),
            request,
            |answer: &MottaSoknadResponse| {
                let receipt = answer.kvittering.clone().unwrap_or_default();
                format!("receipt {}, and nothing else", receipt.referanse)
            },
        )
        .await?;
        let request = ListEnhetensSoknaderRequest {
            parent: format!("enheter/{}", caseworker.unit),
            ..Default::default()
        };
        let listed = self
            .must(
                caseworker,
                Formal::Saksbehandling,
                "opens the unit's list of applications",
                &format!("{SOKNAD}/ListEnhetensSoknader"),
                request,
                |answer: &ListEnhetensSoknaderResponse| {
                    let first = answer.soknader.first();
                    (
                        format!("{} application waits", answer.soknader.len()),
                        first.map(|s| seen("samspor.bestillerkontor.v1.Soknad", s)),
                    )
                },
            )
            .await?;
        let first = listed.soknader.into_iter().next();
        Ok(first.context("the application is not in the list")?.name)
    }

    /// The mapping, made once: areas of life, an instrument, function. Its name.
    pub(super) async fn mapped(
        &mut self,
        who: &Someone,
        soknad: &str,
        funn: Funn,
    ) -> Result<String> {
        let formal = Formal::Saksbehandling;
        let request = StartKartleggingRequest {
            name: soknad.to_owned(),
            request_id: self.id(),
            ..Default::default()
        };
        let begun = self
            .must(
                who,
                formal,
                "starts the mapping, which confirms the relation",
                &format!("{SOKNAD}/StartKartlegging"),
                request,
                |answer: &StartKartleggingResponse| {
                    let state = answer.soknad.as_ref().map(|s| s.tilstand().as_str_name());
                    format!("state {}", short(state.unwrap_or_default()))
                },
            )
            .await?;
        let name = begun.soknad.unwrap_or_default().kartlegging;
        let asked = Some(Innhenting {
            spurt: Some(self.now().to_proto()),
            form: Innhentingsform::Muntlig.into(),
            ..Innhenting::default()
        });
        let request = RegistrerInstrumentRequest {
            name: name.clone(),
            request_id: self.id(),
            instrument: "instrumenter/audit".to_owned(),
            svar: funn.audit,
            oppgitt_skar: None,
            innhenting: asked.clone(),
        };
        let registered = self
            .must(
                who,
                formal,
                "registers the answers to AUDIT",
                &format!("{KARTLEGGING}/RegistrerInstrument"),
                request,
                |answer: &RegistrerInstrumentResponse| {
                    let mapping = answer.kartlegging.clone().unwrap_or_default();
                    let result = mapping.instrumenter.first().cloned().unwrap_or_default();
                    format!(
                        "score {}, {} cut-offs reached",
                        result.skar,
                        result.grenser.len()
                    )
                },
            )
            .await?;
        let request = OppdaterLivsomraderRequest {
            name: name.clone(),
            request_id: self.id(),
            etag: registered.kartlegging.unwrap_or_default().etag,
            livsomrader: Some(funn.omrader),
            innhenting: asked.clone(),
        };
        self.must(
            who,
            formal,
            "writes down the areas of life, in the person's words",
            &format!("{KARTLEGGING}/OppdaterLivsomrader"),
            request,
            |_: &OppdaterLivsomraderResponse| "each area has its own class and its own readers",
        )
        .await?;
        let request = GjorKlarSoknadRequest {
            name: soknad.to_owned(),
            request_id: self.id(),
            funksjonsbeskrivelse: funn.funksjon.to_owned(),
            helsebeskrivelse: funn.helse.to_owned(),
            boevne: Some(funn.boevne),
            innhenting: asked,
        };
        self.must(
            who,
            formal,
            "completes the mapping, once and for all readers",
            &format!("{SOKNAD}/GjorKlarSoknad"),
            request,
            |_: &GjorKlarSoknadResponse| "ready for decision",
        )
        .await?;
        Ok(name)
    }

    /// A draft, for the unit that decides on its lines.
    pub(super) async fn drafted(
        &mut self,
        who: &Someone,
        person: &str,
        unit: &str,
        content: Vedtak,
    ) -> Result<Vedtak> {
        let request = OpprettVedtakRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            vedtak: Some(Vedtak {
                ansvarlig_enhet: format!("enheter/{unit}"),
                ..content.clone()
            }),
        };
        let said = format!(
            "{}; hovedansvarlig {}",
            lines_of(&content).join(", "),
            unit_of(&content.hovedansvarlig)
        );
        let made = self
            .must(
                who,
                Formal::Saksbehandling,
                &format!("drafts a vedtak for {} to decide", self.called(unit)),
                &format!("{VEDTAK}/OpprettVedtak"),
                request,
                |_: &OpprettVedtakResponse| said,
            )
            .await?;
        made.vedtak.context("no draft came back")
    }

    /// A draft goes to whoever decides.
    pub(super) async fn sent(&mut self, who: &Someone, name: &str) -> Result<FattVedtakRequest> {
        let request = HentVedtakRequest {
            name: name.to_owned(),
            versjon: 0,
        };
        let found = who.desk.with_purpose(Formal::Saksbehandling);
        let method = format!("{VEDTAK}/HentVedtak");
        let found = found.call::<_, HentVedtakResponse>(&method, request);
        let etag = found
            .await
            .result
            .unwrap_or_default()
            .vedtak
            .unwrap_or_default()
            .etag;
        let request = SendTilGodkjenningRequest {
            name: name.to_owned(),
            request_id: self.id(),
            etag,
        };
        let sent = self
            .must(
                who,
                Formal::Saksbehandling,
                "sends the draft for approval",
                &format!("{VEDTAK}/SendTilGodkjenning"),
                request,
                |_: &SendTilGodkjenningResponse| "waits for somebody else",
            )
            .await?;
        Ok(FattVedtakRequest {
            name: name.to_owned(),
            request_id: self.id(),
            etag: sent.vedtak.unwrap_or_default().etag,
        })
    }

    /// The decision, and the trace that it is.
    pub(super) async fn decided(
        &mut self,
        who: &Someone,
        request: FattVedtakRequest,
    ) -> Result<(Vedtak, String)> {
        let answer = self
            .ask(
                who,
                Formal::Saksbehandling,
                "decides",
                &format!("{VEDTAK}/FattVedtak"),
                request,
                |answer: &FattVedtakResponse| {
                    let vedtak = answer.vedtak.clone().unwrap_or_default();
                    format!("the vedtak stands: {}", lines_of(&vedtak).join(", "))
                },
            )
            .await;
        let decided = answer
            .result
            .map_err(|status| anyhow::anyhow!("{status}"))?;
        Ok((decided.vedtak.unwrap_or_default(), answer.trace_id))
    }

    /// The person is told, and the time for klage runs.
    pub(super) async fn told(&mut self, who: &Someone, name: &str) -> Result<Vedtak> {
        let request = UnderrettVedtakRequest {
            name: name.to_owned(),
            request_id: self.id(),
            mate: "Lest opp ved et besøk, og gitt på papir.".to_owned(),
            ..Default::default()
        };
        let told = self
            .must(
                who,
                Formal::Saksbehandling,
                "tells the person, read aloud and on paper (underretning)",
                &format!("{VEDTAK}/UnderrettVedtak"),
                request,
                |answer: &UnderrettVedtakResponse| {
                    let vedtak = answer.vedtak.clone().unwrap_or_default();
                    format!("klage is possible until {}", vedtak.klagefrist)
                },
            )
            .await?;
        told.vedtak.context("no vedtak came back")
    }

    /// A unit takes on what it was offered. Its oppdrag.
    pub(super) async fn taken_on(&mut self, who: &Someone) -> Result<Oppdrag> {
        let request = ListEnhetensOppdragRequest {
            parent: format!("enheter/{}", who.unit),
            ..Default::default()
        };
        let offered = self
            .must(
                who,
                Formal::Ytelse,
                "finds the offer in its list",
                &format!("{OPPDRAG}/ListEnhetensOppdrag"),
                request,
                |answer: &ListEnhetensOppdragResponse| {
                    let first = answer.oppdrag.first();
                    (
                        format!("{} oppdrag", answer.oppdrag.len()),
                        first.map(|o| seen("samspor.bestillerkontor.v1.Oppdrag", o)),
                    )
                },
            )
            .await?
            .oppdrag
            .into_iter()
            .next()
            .with_context(|| format!("no oppdrag for {}", who.unit))?;
        let request = AksepterOppdragRequest {
            name: offered.name.clone(),
            request_id: self.id(),
            ..Default::default()
        };
        self.must(
            who,
            Formal::Ytelse,
            "accepts it",
            &format!("{OPPDRAG}/AksepterOppdrag"),
            request,
            |_: &AksepterOppdragResponse| "responsible from now",
        )
        .await?;
        let request = StartOppdragRequest {
            name: offered.name.clone(),
            request_id: self.id(),
            ..Default::default()
        };
        self.must(
            who,
            Formal::Ytelse,
            "starts it",
            &format!("{OPPDRAG}/StartOppdrag"),
            request,
            |_: &StartOppdragResponse| "started",
        )
        .await?;
        Ok(offered)
    }

    /// Somebody reads the vedtak, or cannot.
    pub(super) async fn vedtak_read(
        &mut self,
        who: &Someone,
        formal: Formal,
        name: &str,
    ) -> Result<Vedtak, Status> {
        let request = HentVedtakRequest {
            name: name.to_owned(),
            versjon: 0,
        };
        let answer = self
            .ask(
                who,
                formal,
                "reads the vedtak",
                &format!("{VEDTAK}/HentVedtak"),
                request,
                |answer: &HentVedtakResponse| {
                    let vedtak = answer.vedtak.as_ref();
                    let lines = vedtak.map_or(0, |v| v.linjer.len());
                    (
                        format!("the vedtak with {lines} line(s)"),
                        vedtak.map(|v| seen("samspor.bestillerkontor.v1.Vedtak", v)),
                    )
                },
            )
            .await;
        answer.result.map(|found| found.vedtak.unwrap_or_default())
    }
}

/// `ROP_OPPFOLGING by rop`, `BOVEILEDNING by bom`.
pub(super) fn lines_of(vedtak: &Vedtak) -> Vec<String> {
    let line = |line: &Tjenestelinje| {
        let units: Vec<&str> = line.enheter.iter().map(|unit| unit_of(unit)).collect();
        format!(
            "{} by {}",
            short(line.r#type().as_str_name()),
            units.join(" and ")
        )
    };
    let mut lines: Vec<String> = vedtak.linjer.iter().map(line).collect();
    let housing = vedtak.bolig.as_ref();
    lines.extend(housing.map(|line| {
        let right = line.rett().as_str_name().trim_start_matches("BOLIGRETT_");
        format!("{right} by {}", unit_of(&line.enhet))
    }));
    lines
}

/// A service line of three months from today.
pub(super) fn line(
    stage: &Stage<'_>,
    r#type: Tjenestetype,
    unit: &str,
    (min_timer, maks_timer): (f64, f64),
    mal: &str,
) -> Tjenestelinje {
    Tjenestelinje {
        r#type: r#type.into(),
        min_timer,
        maks_timer,
        enheter: vec![format!("enheter/{unit}")],
        fra: stage.day(0),
        til: stage.day(90),
        hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-2 nr. 6")),
        mal: mal.to_owned(),
        ..Tjenestelinje::default()
    }
}
