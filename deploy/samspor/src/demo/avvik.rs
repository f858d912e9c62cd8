//! Act three, first half: what Nav's leader told Sarpsborg's auditors (4.2.1.3)
//! was missing. An avvik about Boligkontoret, from report to feedback, and Nav
//! hears of each step. What theirs was about is not told; here nobody answered.

use std::path::Path;

use anyhow::{Context as _, Result};
use samspor_chassis::{domene::Dag, tid::Tid};
use samspor_proto::{avvik::*, felles::Rolle, tilgang::Formal};

use super::{
    seen::seen,
    stage::{Someone, Stage, unit_of},
};
use crate::gransk::Rapport;

pub(super) const AVVIK: &str = "avvik.v1.AvvikService";
const FORMAL: Formal = Formal::Avviksbehandling;
const NAV: &str = "nav";
const KONTORET: &str = "boligkontor";
/// Takes a part of what Boligkontoret alone cannot mend.
const FORVALTNING: &str = "bestillerkontor";

/// State, and what it lacks before it can be closed.
fn stands(avvik: Option<&Avvik>) -> String {
    let state = avvik.map_or("", |avvik| avvik.tilstand().as_str_name());
    let state = state.trim_start_matches("AVVIK_TILSTAND_");
    let lacks = avvik.map(|avvik| avvik.mangler.join("; "));
    match lacks.as_deref() {
        None | Some("") => state.to_owned(),
        Some(lacks) => format!("{state}; lacks {lacks}"),
    }
}

fn cause(avvik: &str, id: String, own: &str, shared: &str) -> RegistrerArsakRequest {
    RegistrerArsakRequest {
        name: avvik.to_owned(),
        request_id: id,
        r#type: Arsakstype::AnsvarUklart.into(),
        beskrivelse: own.to_owned(),
        delt: shared.to_owned(),
        ..Default::default()
    }
}

impl Stage<'_> {
    /// Plays the act, and writes the review's page. The trace of the no, and the
    /// review.
    pub(super) async fn avvik(&mut self, side: Option<&Path>) -> Result<(String, Rapport)> {
        self.between_units().await?;
        self.on_the_street(side).await
    }

    async fn between_units(&mut self) -> Result<()> {
        let nav = self.employee(NAV, Rolle::Saksbehandler).await?;
        let office = self.employee(KONTORET, Rolle::Boligforvalter).await?;
        let other = self.employee(FORVALTNING, Rolle::Saksbehandler).await?;
        self.out.chapter("Nav reports an avvik about Boligkontoret");
        let name = self.reported(&office, &other).await?;
        self.inbox(&nav).await?;

        self.out.chapter("Two units, two causes, one measure");
        self.split(&name, (&office, &other)).await?;
        self.read_by_reporter(&nav, &name).await?;
        self.measured(&office, &name).await?;

        self.days_pass(26, "the day on which the measure is looked at again");
        let check = RegistrerEffektkontrollRequest {
            name: name.clone(),
            request_id: self.id(),
            tiltak: 1,
            virket: true,
            begrunnelse: "Alle henvendelser er besvart innen fristen.".to_owned(),
            masker: false,
        };
        self.must(
            &office,
            FORMAL,
            "finds that the measure worked",
            &format!("{AVVIK}/RegistrerEffektkontroll"),
            check,
            |answer: &RegistrerEffektkontrollResponse| stands(answer.avvik.as_ref()),
        )
        .await?;
        for who in [&other, &office] {
            self.finished(who, &name).await?;
        }
        self.closed(&office, &name).await?;
        self.inbox(&nav).await
    }

    /// Nav reports, and boligkontoret answers for it. Its name.
    async fn reported(&mut self, office: &Someone, other: &Someone) -> Result<String> {
        let reporter = self.employee(NAV, Rolle::Inntak).await?;
        let answered = |sporsmal: &str, svar: &str| Avvikssvar {
            sporsmal: sporsmal.to_owned(),
            svar: svar.to_owned(),
        };
        let request = MeldAvvikRequest {
            request_id: self.id(),
            kategori: Avvikskategori::Samhandling.into(),
            underkategori: "uten_svar".to_owned(),
            hendt: Some(self.now().to_proto()),
            sammendrag: "En henvendelse om bistand til å skaffe bolig er ikke besvart.".to_owned(),
            alvorlighet: Alvorlighet::Moderat.into(),
            enheter: vec![format!("enheter/{KONTORET}")],
            svar: vec![
                answered("gjentatt", "ja"),
                answered("dager_uten_svar", "14"),
            ],
            ..Default::default()
        };
        let told = self
            .must(
                &reporter,
                FORMAL,
                "reports that an enquiry has had no answer for two weeks",
                &format!("{AVVIK}/MeldAvvik"),
                request,
                |answer: &MeldAvvikResponse| {
                    let receipt = answer.kvittering.clone().unwrap_or_default();
                    format!("receipt {}", receipt.referanse)
                },
            )
            .await?;
        let name = format!("avvik/{}", told.kvittering.unwrap_or_default().referanse);
        let request = HentAvvikRequest { name: name.clone() };
        self.ask(
            other,
            FORMAL,
            "asks for it, and is no party to it",
            &format!("{AVVIK}/HentAvvik"),
            request,
            |_: &HentAvvikResponse| "answered",
        )
        .await;
        let request = ListAvvikRequest {
            parent: format!("enheter/{KONTORET}"),
            venter: true,
            ..Default::default()
        };
        self.must(
            office,
            FORMAL,
            "finds what waits for it",
            &format!("{AVVIK}/ListAvvik"),
            request,
            |answer: &ListAvvikResponse| {
                let avvik = answer.avvik.first().cloned().unwrap_or_default();
                let part = avvik.deler.first().cloned().unwrap_or_default();
                let due = part
                    .kvitteringsfrist
                    .and_then(|due| Tid::try_from(due).ok());
                // At the end of a day is the first instant after it.
                let due = due.map(|due| Dag::av(Tid(due.0 - 1)).to_string());
                (
                    format!(
                        "{} avvik from {}, to be answered by {}",
                        answer.avvik.len(),
                        unit_of(&avvik.melder_enhet),
                        due.unwrap_or_default()
                    ),
                    Some(seen("samspor.avvik.v1.Avvik", &avvik)),
                )
            },
        )
        .await?;
        self.accepted(office, &name).await?;
        Ok(name)
    }

    async fn accepted(&mut self, who: &Someone, name: &str) -> Result<()> {
        let request = AksepterDelRequest {
            name: name.to_owned(),
            request_id: self.id(),
        };
        self.must(
            who,
            FORMAL,
            "accepts its part",
            &format!("{AVVIK}/AksepterDel"),
            request,
            |answer: &AksepterDelResponse| {
                let avvik = answer.avvik.clone().unwrap_or_default();
                let answers = unit_of(&avvik.ansvarlig_enhet);
                format!("{}; {answers} answers for it", stands(Some(&avvik)))
            },
        )
        .await?;
        Ok(())
    }

    /// A part of it goes to another unit, and each finds its cause.
    async fn split(&mut self, name: &str, (office, other): (&Someone, &Someone)) -> Result<()> {
        let request = ForeslaDelRequest {
            name: name.to_owned(),
            request_id: self.id(),
            enhet: format!("enheter/{FORVALTNING}"),
            begrunnelse: "Henvendelsen ble sendt videre til dere, og ingen sa fra.".to_owned(),
            masker: false,
        };
        let what = format!("proposes a part of it to {}", self.called(FORVALTNING));
        self.must(
            office,
            FORMAL,
            &what,
            &format!("{AVVIK}/ForeslaDel"),
            request,
            |answer: &ForeslaDelResponse| {
                let avvik = answer.avvik.clone().unwrap_or_default();
                format!("{} parts", avvik.deler.len())
            },
        )
        .await?;
        self.accepted(other, name).await?;
        for (who, own, shared) in [
            (
                office,
                "Postkassen ble ikke lest i ferien.",
                "Ingen hadde ansvar for postkassen.",
            ),
            (
                other,
                "Saken lå i en innboks som er stengt.",
                "Det er uklart hvem som svarer når en sak sendes videre.",
            ),
        ] {
            let request = cause(name, self.id(), own, shared);
            self.must(
                who,
                FORMAL,
                "registers its cause: what it found, and what the others may know of it",
                &format!("{AVVIK}/RegistrerArsak"),
                request,
                |_: &RegistrerArsakResponse| "registered",
            )
            .await?;
        }
        Ok(())
    }

    async fn read_by_reporter(&mut self, nav: &Someone, name: &str) -> Result<()> {
        let request = HentAvvikRequest {
            name: name.to_owned(),
        };
        self.must(
            nav,
            FORMAL,
            "reads how far it has come",
            &format!("{AVVIK}/HentAvvik"),
            request,
            |answer: &HentAvvikResponse| {
                let avvik = answer.avvik.clone().unwrap_or_default();
                let causes: Vec<&Arsak> =
                    avvik.deler.iter().flat_map(|part| &part.arsaker).collect();
                let of = |text: fn(&Arsak) -> &String| {
                    let told = causes.iter().filter(|cause| !text(cause).is_empty());
                    told.count()
                };
                let (shared, own) = (of(|cause| &cause.delt), of(|cause| &cause.beskrivelse));
                (
                    format!("{shared} causes as they are shared, {own} as a unit keeps it"),
                    Some(seen("samspor.avvik.v1.Avvik", &avvik)),
                )
            },
        )
        .await?;
        Ok(())
    }

    /// A measure, which is carried out; that is not the end of it.
    async fn measured(&mut self, office: &Someone, name: &str) -> Result<()> {
        let request = RegistrerTiltakRequest {
            name: name.to_owned(),
            request_id: self.id(),
            beskrivelse: "En fast vakt svarer Nav innen tre arbeidsdager.".to_owned(),
            enhet: format!("enheter/{KONTORET}"),
            frist: self.day(7),
            kontrolldag: self.day(30),
            ..Default::default()
        };
        self.must(
            office,
            FORMAL,
            "decides on a measure",
            &format!("{AVVIK}/RegistrerTiltak"),
            request,
            |answer: &RegistrerTiltakResponse| {
                let avvik = answer.avvik.clone().unwrap_or_default();
                let mut measures = avvik.deler.iter().flat_map(|part| &part.tiltak);
                let one = measures.next().cloned().unwrap_or_default();
                format!(
                    "done by {}, looked at again on {}",
                    one.frist, one.kontrolldag
                )
            },
        )
        .await?;
        self.days_pass(4, "the measure is carried out");
        let request = MeldTiltakUtfortRequest {
            name: name.to_owned(),
            request_id: self.id(),
            tiltak: 1,
        };
        self.must(
            office,
            FORMAL,
            "has carried it out",
            &format!("{AVVIK}/MeldTiltakUtfort"),
            request,
            |_: &MeldTiltakUtfortResponse| "its effect is not known yet",
        )
        .await?;
        let request = self.finish(name);
        self.ask(
            office,
            FORMAL,
            "calls its part done before anybody has looked",
            &format!("{AVVIK}/FerdigstillDel"),
            request,
            |_: &FerdigstillDelResponse| "done",
        )
        .await;
        Ok(())
    }

    fn finish(&self, name: &str) -> FerdigstillDelRequest {
        FerdigstillDelRequest {
            name: name.to_owned(),
            request_id: self.id(),
            konklusjon: "Det er klart hvem som svarer.".to_owned(),
            masker: false,
        }
    }

    async fn finished(&mut self, who: &Someone, name: &str) -> Result<()> {
        let request = self.finish(name);
        self.must(
            who,
            FORMAL,
            "has done its part",
            &format!("{AVVIK}/FerdigstillDel"),
            request,
            |answer: &FerdigstillDelResponse| stands(answer.avvik.as_ref()),
        )
        .await?;
        Ok(())
    }

    /// Not before the reporter has been told (I6).
    async fn closed(&mut self, office: &Someone, name: &str) -> Result<()> {
        self.out.chapter("Nobody closes it behind Nav's back");
        let leader = self.employee(KONTORET, Rolle::Leder).await?;
        let close = |id: String, etag: String| LukkAvvikRequest {
            name: name.to_owned(),
            request_id: id,
            etag,
            konklusjon: "Tiltaket virker.".to_owned(),
            masker: false,
        };
        let request = HentAvvikRequest {
            name: name.to_owned(),
        };
        let desk = leader.desk.with_purpose(FORMAL);
        let method = format!("{AVVIK}/HentAvvik");
        let read = desk.call::<_, HentAvvikResponse>(&method, request).await;
        let read = read.result?.avvik.context("no avvik")?;
        let method = format!("{AVVIK}/LukkAvvik");
        let early = close(self.id(), read.etag);
        self.ask(
            &leader,
            FORMAL,
            "closes it, for everything is done",
            &method,
            early,
            |answer: &LukkAvvikResponse| stands(answer.avvik.as_ref()),
        )
        .await;
        let feedback = GiTilbakemeldingRequest {
            name: name.to_owned(),
            request_id: self.id(),
            tekst: "Postkassen hadde ingen ansvarlig. En fast vakt svarer dere nå, og det virker."
                .to_owned(),
            masker: false,
        };
        let told = self
            .must(
                office,
                FORMAL,
                "tells Nav what was found and done",
                &format!("{AVVIK}/GiTilbakemelding"),
                feedback,
                |answer: &GiTilbakemeldingResponse| stands(answer.avvik.as_ref()),
            )
            .await?;
        let last = close(self.id(), told.avvik.unwrap_or_default().etag);
        self.must(
            &leader,
            FORMAL,
            "closes it",
            &method,
            last,
            |answer: &LukkAvvikResponse| stands(answer.avvik.as_ref()),
        )
        .await?;
        Ok(())
    }

    /// What the reporter's unit has been told.
    async fn inbox(&mut self, nav: &Someone) -> Result<()> {
        let request = ListAvviksmeldingerRequest {
            parent: format!("enheter/{NAV}"),
            page_size: 200,
            ..Default::default()
        };
        self.must(
            nav,
            FORMAL,
            "opens its inbox of what it reported",
            "avvik.v1.AvviksmeldingService/ListAvviksmeldinger",
            request,
            |answer: &ListAvviksmeldingerResponse| {
                let line = |told: &Avviksmelding| {
                    let step = told.steg().as_str_name();
                    let step = step.trim_start_matches("AVVIKSSTEG_");
                    format!("{step} by {}", unit_of(&told.enhet))
                };
                let lines: Vec<String> = answer.meldinger.iter().map(line).collect();
                lines.join(" · ")
            },
        )
        .await?;
        Ok(())
    }
}
