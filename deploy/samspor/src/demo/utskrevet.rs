//! Act three, second half: somebody is discharged to the street, an avvik raises
//! itself, and a review puts together who knew what.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use samspor_chassis::domene::Dag;
use samspor_proto::{
    avvik::*, bestillerkontor::*, felles::Rolle, gateway::*, nav::*, tilgang::Formal,
};

use super::{
    avvik::AVVIK,
    natt::{paragraf_27, until},
    print::Step,
    stage::{Someone, Stage, unit_of},
};
use crate::{
    gransk::{Rapport, Utsnitt, tidslinje::Slag},
    mesh,
};

const BOTILBUD: &str = "nav.v1.BotilbudService";
const GRANSKING: &str = "gateway.v1.GranskingService";
const SYKEHUS: &str = "spesialisthelsetjenesten";
const FORVALTNING: &str = "bestillerkontor";
const NAV: &str = "nav";
const KOORDINERENDE: &str = "koordinering";
const KONTROLL: &str = "personvern";
/// Employee who reviews.
const GRANSKER: &str = "per-1";

fn state(of: Option<&Gransking>) -> String {
    let state = of.map_or("", |mandate| mandate.tilstand().as_str_name());
    state.trim_start_matches("GRANSKING_TILSTAND_").to_owned()
}

/// What nobody reported stands with the koordinerende enhet.
fn coordinated() -> ListAvvikRequest {
    ListAvvikRequest {
        parent: format!("enheter/{KOORDINERENDE}"),
        ..Default::default()
    }
}

impl Stage<'_> {
    /// From the hospital's message to the review. The trace of the no, and the
    /// review.
    pub(super) async fn on_the_street(&mut self, side: Option<&Path>) -> Result<(String, Rapport)> {
        let told = Dag::av(self.now());
        let discharge = told.pluss_dager(1);
        self.out.chapter(&format!(
            "{told}: a hospital tells that somebody has nowhere to go"
        ));
        let person = self.announced(discharge).await?;
        self.clock
            .til(discharge.klokken(15).plus(Duration::from_mins(40)));
        self.out.chapter(&format!("{discharge}, 15:40: discharged"));
        let trace = self.nowhere(&person).await?;
        let leader = self.employee(KOORDINERENDE, Rolle::Leder).await?;
        // The no raises one at once, the night that goes by another.
        self.raises(&leader, 1).await?;
        self.clock
            .til(discharge.klokken(23).plus(Duration::from_mins(1)));
        self.raises(&leader, 2).await?;
        self.clock.til(discharge.pluss_dager(1).klokken(9));
        self.out
            .chapter("The morning after: nobody reported it, and there is an avvik");
        let avvik = self.raised(&leader, &trace).await?;
        let about = self.about(&leader, &avvik).await?;
        if about != person {
            bail!("the avvik is about somebody else");
        }

        self.out
            .chapter("A review: opened by one role, approved by another, read by a third");
        let called = format!("{}, gransker", self.called(KONTROLL));
        let reviewer = self
            .someone(&called, KONTROLL, GRANSKER, Rolle::Gransker)
            .await?;
        let mandat = self
            .mandate(&leader, &reviewer, (&person, &avvik, told))
            .await?;
        let report = self.reviewed(&reviewer, &mandat, side).await?;
        self.ended(&reviewer, &mandat).await?;
        self.counted(&person, &mandat).await?;
        Ok((trace, report))
    }

    /// The hospital owes its packet, the day before.
    async fn announced(&mut self, discharge: Dag) -> Result<String> {
        let ward = self.employee(SYKEHUS, Rolle::Inntak).await?;
        let person = self.known(&ward).await?;
        let request = MottaSoknadRequest {
            parent: person.clone(),
            request_id: self.id(),
            eget_onske: "Et sted å sove, og noen å snakke med.".to_owned(),
            kanal: Kanal::System.into(),
            sykehusmelding: Some(Sykehusmelding {
                institusjon: "Døgnpost".to_owned(),
                innlagt: self.day(-20),
                utskrives: discharge.to_string(),
                funksjon: "Klarer det meste med noen å spørre.".to_owned(),
                nattbehov: "Noen i huset om natten.".to_owned(),
                helse: "Rusutløst psykose i bedring.".to_owned(),
                rusmidler: "Amfetamin.".to_owned(),
                legemidler: "Egen liste.".to_owned(),
                risiko: "Rolig tone; to sammen på rommet.".to_owned(),
                boligsituasjon: "Har mistet boligen, og har ingen å bo hos.".to_owned(),
                oppfolging: "Ingen i kommunen.".to_owned(),
                anbefaling: "Et sted å bo ved utskrivning, med oppfølging.".to_owned(),
                grunnlag: "Tre uker på posten.".to_owned(),
                ukjent: vec![Sykehusopplysning::Nettverk.into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        let what = format!(
            "tells {} that discharge is on {discharge}",
            self.called(FORVALTNING)
        );
        self.must(
            &ward,
            Formal::Saksbehandling,
            &what,
            "bestillerkontor.v1.SoknadService/MottaSoknad",
            request,
            |answer: &MottaSoknadResponse| {
                let receipt = answer.kvittering.clone().unwrap_or_default();
                format!("receipt {}, and nothing else", receipt.referanse)
            },
        )
        .await?;
        Ok(person)
    }

    /// Discharged, and no bed tonight. The trace of the no.
    async fn nowhere(&mut self, person: &str) -> Result<String> {
        let ward = self.employee(SYKEHUS, Rolle::Inntak).await?;
        let request = MeldBehovRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            kanal: Meldekanal::AnnenEnhet.into(),
            arsak: Behovsarsak::Utskrivning.into(),
            eget_onske: "Et sted å sove.".to_owned(),
            kontaktes: "Står utenfor sykehuset.".to_owned(),
            ..Default::default()
        };
        self.must(
            &ward,
            Formal::Saksbehandling,
            "has heard nothing, discharges, and tells Nav that there is no bed tonight",
            &format!("{BOTILBUD}/MeldBehov"),
            request,
            |answer: &MeldBehovResponse| {
                let receipt = answer.kvittering.clone().unwrap_or_default();
                format!("registered, receipt {}", receipt.referanse)
            },
        )
        .await?;
        let nav = self.employee(NAV, Rolle::Beslutter).await?;
        let request = ListBotilbudRequest {
            parent: person.to_owned(),
            ..Default::default()
        };
        let asked = self
            .must(
                &nav,
                Formal::Oppfolging,
                "finds it",
                &format!("{BOTILBUD}/ListBotilbud"),
                request,
                |answer: &ListBotilbudResponse| format!("{} request", answer.botilbud.len()),
            )
            .await?;
        let asked = asked.botilbud.into_iter().next();
        let request = MeldIkkeKlartRequest {
            name: asked.context("no request for a bed")?.name,
            request_id: self.id(),
            grunn: IkkeKlartGrunn::IngenLedig.into(),
            begrunnelse: "Ringte alle som kan ha plass.".to_owned(),
            hjemmel: Some(paragraf_27()),
        };
        let answer = self
            .ask(
                &nav,
                Formal::Tildeling,
                "has called everybody, and must say that no place is free",
                &format!("{BOTILBUD}/MeldIkkeKlart"),
                request,
                |answer: &MeldIkkeKlartResponse| {
                    let none = answer.botilbud.clone().unwrap_or_default();
                    let state = none.tilstand().as_str_name();
                    state.trim_start_matches("BOTILBUD_TILSTAND_").to_owned()
                },
            )
            .await;
        answer.result.context("no bed, and no no")?;
        let herself = self.the_person(person).await?;
        let request = HentNattilbudRequest {
            parent: person.to_owned(),
        };
        self.must(
            &herself,
            Formal::Innsyn,
            "asks whether there is an offer for tonight",
            "nav.v1.NattService/HentNattilbud",
            request,
            |answer: &HentNattilbudResponse| {
                let found = answer.nattilbud.clone().unwrap_or_default();
                let svar = found.svar().as_str_name().trim_start_matches("NATTSVAR_");
                format!("{svar}, the night of {}", found.natt)
            },
        )
        .await?;
        Ok(answer.trace_id)
    }

    /// Waits until so many avvik have raised themselves.
    async fn raises(&self, leader: &Someone, count: usize) -> Result<()> {
        let desk = leader.desk.with_purpose(Formal::Avviksbehandling);
        let method = format!("{AVVIK}/ListAvvik");
        until(async || {
            let list = desk.call::<_, ListAvvikResponse>(&method, coordinated());
            list.await.result.unwrap_or_default().avvik.len() >= count
        })
        .await
        .with_context(|| format!("not {count} avvik raised themselves"))
    }

    /// The avvik that the no raised by itself.
    async fn raised(&mut self, leader: &Someone, trace: &str) -> Result<Avvik> {
        let of = |avvik: &Avvik| avvik.spor.iter().any(|id| id == trace);
        let list = self
            .must(
                leader,
                Formal::Avviksbehandling,
                "finds what raised itself",
                &format!("{AVVIK}/ListAvvik"),
                coordinated(),
                |answer: &ListAvvikResponse| {
                    let line = |avvik: &Avvik| {
                        let named = match of(avvik) {
                            true => ", by the trace of the no",
                            false => "",
                        };
                        let parts: Vec<&str> = avvik
                            .deler
                            .iter()
                            .map(|part| unit_of(&part.enhet))
                            .collect();
                        let severity = avvik.alvorlighet_meldt().as_str_name();
                        format!(
                            "{} {} with {}{named}",
                            severity.trim_start_matches("ALVORLIGHET_"),
                            avvik.underkategori,
                            parts.join(" and ")
                        )
                    };
                    let lines: Vec<String> = answer.avvik.iter().map(line).collect();
                    lines.join(" · ")
                },
            )
            .await?;
        let found = list.avvik.into_iter().find(of);
        found.context("no avvik is by the trace of the no")
    }

    /// Whom it is about stands apart.
    async fn about(&mut self, leader: &Someone, avvik: &Avvik) -> Result<String> {
        let request = HentAvviksdetaljRequest {
            name: avvik.detalj.clone(),
        };
        let read = self
            .must(
                leader,
                Formal::Avviksbehandling,
                "reads whom it is about, which stands apart",
                "avvik.v1.AvviksdetaljService/HentAvviksdetalj",
                request,
                |answer: &HentAvviksdetaljResponse| {
                    let detail = answer.detalj.clone().unwrap_or_default();
                    format!("{}; {} record", detail.person, detail.poster.len())
                },
            )
            .await?;
        Ok(read.detalj.unwrap_or_default().person)
    }

    /// A mandate opens nothing before another role has approved it.
    async fn mandate(
        &mut self,
        leader: &Someone,
        reviewer: &Someone,
        (person, avvik, from): (&str, &Avvik, Dag),
    ) -> Result<String> {
        let now = self.now();
        let request = ApneGranskingRequest {
            parent: format!("enheter/{KOORDINERENDE}"),
            request_id: self.id(),
            gransker: GRANSKER.to_owned(),
            gransker_enhet: format!("enheter/{KONTROLL}"),
            enheter: [SYKEHUS, FORVALTNING, NAV]
                .map(|unit| format!("enheter/{unit}"))
                .to_vec(),
            personer: vec![person.to_owned()],
            avvik: avvik.name.clone(),
            fra: Some(from.start().to_proto()),
            til: Some(now.to_proto()),
            utloper: Some(now.plus(Duration::from_hours(24 * 14)).to_proto()),
            mandat: "Hvem visste om utskrivningen, og hvem hadde saken da?".to_owned(),
            ..Default::default()
        };
        let opened = self
            .must(
                leader,
                Formal::Kontroll,
                "opens a mandate of two weeks, without health",
                &format!("{GRANSKING}/ApneGransking"),
                request,
                |answer: &ApneGranskingResponse| state(answer.gransking.as_ref()),
            )
            .await?
            .gransking
            .context("no mandate")?;
        self.unopened(reviewer, &opened.name, "reviews before it is approved")
            .await;
        let approve = |id: String| GodkjennGranskingRequest {
            name: opened.name.clone(),
            request_id: id,
            etag: opened.etag.clone(),
        };
        let method = format!("{GRANSKING}/GodkjennGransking");
        let own = approve(self.id());
        let told = |answer: &GodkjennGranskingResponse| state(answer.gransking.as_ref());
        self.ask(
            leader,
            Formal::Kontroll,
            "approves the own mandate",
            &method,
            own,
            told,
        )
        .await;
        let officer = self.employee(KONTROLL, Rolle::Personvernombud).await?;
        let other = approve(self.id());
        self.must(
            &officer,
            Formal::Kontroll,
            "approves it",
            &method,
            other,
            told,
        )
        .await?;
        Ok(opened.name)
    }

    /// The mandate opens nothing: not yet, or no more.
    async fn unopened(&mut self, reviewer: &Someone, mandat: &str, what: &str) {
        let report = Rapport::hent(&reviewer.desk, mandat, Utsnitt::default(), self.now()).await;
        let svar = match &report {
            Ok(_) => "a timeline".to_owned(),
            Err(refused) => refused.to_string(),
        };
        self.reviews(reviewer, what, svar, report.is_err());
    }

    /// What a reviewer did is many calls; the audience is told of one.
    fn reviews(&mut self, reviewer: &Someone, what: &str, svar: String, avslatt: bool) {
        self.out.step(Step {
            kommune: self.kommune.to_owned(),
            hvem: reviewer.name.clone(),
            hva: what.to_owned(),
            formal: "GRANSKING".to_owned(),
            svar,
            avslatt,
            ..Step::default()
        });
    }

    /// The timeline, from events, deadlines and the log alone, as text and as a
    /// page.
    async fn reviewed(
        &mut self,
        reviewer: &Someone,
        mandat: &str,
        side: Option<&Path>,
    ) -> Result<Rapport> {
        let report = Rapport::hent(&reviewer.desk, mandat, Utsnitt::default(), self.now()).await?;
        let line = &report.linje;
        let broken = line.innslag.iter();
        let broken = broken.filter(|entry| entry.slag == Slag::FristBrutt);
        let svar = format!(
            "{} entries in {} lanes, {} broken deadline, {} gaps",
            line.innslag.len(),
            line.baner.len(),
            broken.count(),
            line.hull.len()
        );
        self.reviews(reviewer, "puts one timeline together", svar, false);
        let text = report.tekst();
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        self.out.lines("The review", &lines);
        if let Some(side) = side {
            mesh::write_private(side, report.side().as_bytes())?;
            let path = std::path::absolute(side)?.display().to_string();
            self.out.lines("The same as a page", &[path]);
        }
        Ok(report)
    }

    async fn ended(&mut self, reviewer: &Someone, mandat: &str) -> Result<()> {
        self.out.chapter("The review ends with its mandate");
        let officer = self.employee(KONTROLL, Rolle::Personvernombud).await?;
        let request = AvsluttGranskingRequest {
            name: mandat.to_owned(),
            request_id: self.id(),
        };
        self.must(
            &officer,
            Formal::Kontroll,
            "ends it, for the review is written",
            &format!("{GRANSKING}/AvsluttGransking"),
            request,
            |answer: &AvsluttGranskingResponse| state(answer.gransking.as_ref()),
        )
        .await?;
        self.unopened(reviewer, mandat, "reviews once more").await;
        Ok(())
    }

    /// The person sees each reading.
    async fn counted(&mut self, person: &str, mandat: &str) -> Result<()> {
        let herself = self.the_person(person).await?;
        let request = ListInnsynRequest {
            parent: person.to_owned(),
            page_size: 200,
            ..Default::default()
        };
        self.must(
            &herself,
            Formal::Innsyn,
            "counts the readings of the review in the own log",
            "gateway.v1.InnsynsloggService/ListInnsyn",
            request,
            |answer: &ListInnsynResponse| {
                let rows = answer.innsyn.iter().filter(|row| row.sak == mandat);
                format!("{} readings under the mandate", rows.count())
            },
        )
        .await?;
        Ok(())
    }
}
