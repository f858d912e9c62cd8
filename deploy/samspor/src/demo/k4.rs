//! Finding K4 of Karmøy's audit: the help came from ROP or from BOM, never
//! from both. Here both deliver under one vedtak, Nav is told what it may
//! know, and nothing is forgotten in silence.

use anyhow::{Context as _, Result, bail};
use samspor_proto::{
    bestillerkontor::*,
    felles::Rolle,
    rop::{HentGjeldendeRisikovurderingRequest, HentGjeldendeRisikovurderingResponse},
    tilgang::Formal,
};

use super::{
    seen::seen,
    stage::{Someone, Stage, basis, short, unit_of},
    steps::{Funn, line, need},
};

/// Everybody in the story.
struct Cast {
    counter: Someone,
    registrar: Someone,
    caseworker: Someone,
    decider: Someone,
    rop: Someone,
    clinician: Someone,
    bom: Someone,
    nav: Someone,
}

impl Cast {
    async fn of(stage: &Stage<'_>) -> Result<Self> {
        let bk = "bestillerkontor";
        let saksbehandler = Rolle::Saksbehandler;
        Ok(Self {
            counter: stage
                .someone("Counter at Nav", "nav", "nav-skranke", Rolle::Inntak)
                .await?,
            registrar: stage
                .someone("Bestillerkontor, caseworker A", bk, "bk-a", saksbehandler)
                .await?,
            caseworker: stage
                .someone("Bestillerkontor, caseworker B", bk, "bk-b", saksbehandler)
                .await?,
            decider: stage
                .someone("Bestillerkontor, decider", bk, "bk-c", Rolle::Beslutter)
                .await?,
            rop: stage
                .someone("ROP, caseworker", "rop", "rop-a", saksbehandler)
                .await?,
            clinician: stage
                .someone("ROP, clinician", "rop", "rop-b", Rolle::Behandler)
                .await?,
            bom: stage
                .someone("BOM, caseworker", "bom", "bom-a", saksbehandler)
                .await?,
            nav: stage
                .someone("Nav, caseworker", "nav", "nav-a", saksbehandler)
                .await?,
        })
    }
}

impl Stage<'_> {
    /// Plays K4. The trace of the decision.
    pub(super) async fn k4(&mut self) -> Result<String> {
        let lines = [Tjenestetype::RopOppfolging, Tjenestetype::Boveiledning];
        if self.deciders(&lines)?.len() > 1 {
            bail!(
                "in {} no one unit decides on both services: play `kartlagt-en-gang` there",
                self.municipality.navn
            );
        }
        let cast = Cast::of(self).await?;

        self.out
            .chapter("One door: a person is known, and asks in her own words");
        let person = self.known(&cast.registrar).await?;
        let soknad = MottaSoknadRequest {
            parent: person.clone(),
            eget_onske: "Å bo hjemme, med faste folk som kjenner meg.".to_owned(),
            gjelder: lines.map(Into::into).to_vec(),
            kanal: Kanal::Oppmote.into(),
            helseopplysninger: "Opplyser selv om rusbruk.".to_owned(),
            ..MottaSoknadRequest::default()
        };
        let soknad = self
            .applied(&cast.counter, &cast.caseworker, soknad)
            .await?;

        self.out.chapter("Mapped once, for all who will help");
        self.mapped(&cast.caseworker, &soknad, found()).await?;

        self.out
            .chapter("One vedtak for two services: what K4 says did not happen");
        let (vedtak, trace) = self.one_vedtak(&cast, &person, &soknad).await?;
        self.told(&cast.caseworker, &vedtak).await?;

        self.out.chapter("ROP takes it on; BOM lets it lie");
        let oppdrag = self.taken_on(&cast.rop).await?;
        self.waiting("bom").await?;
        self.days_pass(7, "what lies does not disappear");
        self.until_broken("bom", Ventetype::Svar).await?;
        self.waiting("bom").await?;
        self.waiting("bestillerkontor").await?;
        self.taken_on(&cast.bom).await?;

        self.out
            .chapter("ROP delivers, and writes what it must where it belongs");
        self.rop_delivers(&person, &oppdrag.name, &cast.rop, &cast.clinician)
            .await?;

        self.out.chapter("One record, five readers");
        self.five_readers(&cast, &person, &vedtak).await?;

        self.out
            .chapter("The person disagrees: a klage, and another answer");
        self.disputed(&cast, &person, &vedtak).await?;

        self.out
            .chapter("Nav asks for more, and the person decides");
        self.consent(&person, &vedtak, &cast.nav).await?;

        self.days_pass(49, "the vedtak ends in five weeks");
        self.evaluated(&cast, &vedtak).await?;
        self.show_log(&person).await?;
        Ok(trace)
    }

    /// Drafted, refused to its author, and decided by another. Its name, and
    /// the trace of the decision.
    async fn one_vedtak(
        &mut self,
        cast: &Cast,
        person: &str,
        soknad: &str,
    ) -> Result<(String, String)> {
        let content = Vedtak {
            soknad: soknad.to_owned(),
            linjer: vec![
                line(
                    self,
                    Tjenestetype::RopOppfolging,
                    "rop",
                    (2.0, 4.0),
                    "Mindre rusbruk, faste avtaler.",
                ),
                line(
                    self,
                    Tjenestetype::Boveiledning,
                    "bom",
                    (5.0, 8.0),
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
            personens_syn: PersonensSyn::DelvisEnig.into(),
            personens_ord: "Jeg trenger mer hjelp i helgene.".to_owned(),
            ..Vedtak::default()
        };
        let drafted = self
            .drafted(&cast.caseworker, person, "bestillerkontor", content)
            .await?;
        let request = self.sent(&cast.caseworker, &drafted.name).await?;
        let same = self
            .someone(
                "The same caseworker B, as decider",
                "bestillerkontor",
                "bk-b",
                Rolle::Beslutter,
            )
            .await?;
        let own = FattVedtakRequest {
            request_id: self.id(),
            ..request.clone()
        };
        self.ask(
            &same,
            Formal::Saksbehandling,
            "tries to decide on the own draft",
            "bestillerkontor.v1.VedtakService/FattVedtak",
            own,
            |_: &FattVedtakResponse| "decided",
        )
        .await;
        let (_, trace) = self.decided(&cast.decider, request).await?;
        Ok((drafted.name, trace))
    }

    async fn five_readers(&mut self, cast: &Cast, person: &str, vedtak: &str) -> Result<()> {
        let landlord = self
            .someone(
                "Boligkontor, a party only",
                "boligkontor",
                "bo-a",
                Rolle::Saksbehandler,
            )
            .await?;
        let stranger = self
            .someone(
                "Hjemmetjeneste, not named",
                "hjemmetjeneste",
                "hj-a",
                Rolle::Saksbehandler,
            )
            .await?;
        for (who, formal) in [
            (&cast.caseworker, Formal::Saksbehandling),
            (&cast.clinician, Formal::Ytelse),
            (&cast.bom, Formal::Ytelse),
            (&landlord, Formal::Samordning),
            (&stranger, Formal::Ytelse),
        ] {
            // Who may not read is told so; that is the story.
            let _ = self.vedtak_read(who, formal, vedtak).await;
        }
        self.ask(
            &cast.bom,
            Formal::Sikkerhet,
            "asks how to visit safely",
            "rop.v1.RisikovurderingService/HentGjeldendeRisikovurdering",
            HentGjeldendeRisikovurderingRequest {
                parent: person.to_owned(),
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
        Ok(())
    }

    /// A klage by the person, which the unit grants: the next version of the
    /// vedtak takes force, and BOM's order follows it.
    async fn disputed(&mut self, cast: &Cast, person: &str, vedtak: &str) -> Result<()> {
        let herself = self.the_person(person).await?;
        let request = RegistrerKlageRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            vedtak: vedtak.to_owned(),
            grunn: "Helgene er verst, og da kommer ingen.".to_owned(),
            ..Default::default()
        };
        self.must(
            &herself,
            Formal::Innsyn,
            "disputes the hours of BOM",
            "bestillerkontor.v1.KlageService/RegistrerKlage",
            request,
            |answer: &RegistrerKlageResponse| {
                let receipt = answer.kvittering.clone().unwrap_or_default();
                format!("receipt {}; the unit looks at it anew", receipt.referanse)
            },
        )
        .await?;
        let other = self
            .someone(
                "Bestillerkontor, another decider",
                "bestillerkontor",
                "bk-d",
                Rolle::Beslutter,
            )
            .await?;
        let request = ListKlagerRequest {
            parent: person.to_owned(),
            ..Default::default()
        };
        let klage = self
            .must(
                &other,
                Formal::Saksbehandling,
                "reads the klage",
                "bestillerkontor.v1.KlageService/ListKlager",
                request,
                |answer: &ListKlagerResponse| {
                    let first = answer.klager.first().cloned().unwrap_or_default();
                    format!("«{}»", first.grunn)
                },
            )
            .await?
            .klager
            .into_iter()
            .next()
            .context("no klage")?;
        let mut content = self
            .vedtak_read(&other, Formal::Saksbehandling, vedtak)
            .await
            .map_err(|status| anyhow::anyhow!("{status}"))?;
        if let Some(bom) = content.linjer.get_mut(1) {
            bom.maks_timer = 12.0;
        }
        for (who, what) in [
            (&cast.decider, "who decided, tries to answer the klage"),
            (&other, "proposes to grant it: up to 12 hours of BOM"),
        ] {
            let request = OmgjorKlageRequest {
                name: klage.name.clone(),
                request_id: self.id(),
                begrunnelse: "Behovet i helgene var ikke vurdert.".to_owned(),
                vedtak: Some(content.clone()),
                linjeslutt: Vec::new(),
            };
            self.ask(
                who,
                Formal::Saksbehandling,
                what,
                "bestillerkontor.v1.KlageService/OmgjorKlage",
                request,
                |answer: &OmgjorKlageResponse| {
                    let klage = answer.klage.clone().unwrap_or_default();
                    format!(
                        "{}; a new version waits for another to decide",
                        short(klage.tilstand().as_str_name())
                    )
                },
            )
            .await;
        }
        let waits = self
            .vedtak_read(&cast.decider, Formal::Saksbehandling, vedtak)
            .await
            .map_err(|status| anyhow::anyhow!("{status}"))?;
        let request = GodkjennEndringRequest {
            name: waits.name,
            request_id: self.id(),
            etag: waits.etag,
        };
        self.must(
            &cast.decider,
            Formal::Saksbehandling,
            "decides what another proposed, and the klage ends",
            "bestillerkontor.v1.VedtakService/GodkjennEndring",
            request,
            |answer: &GodkjennEndringResponse| {
                let vedtak = answer.vedtak.clone().unwrap_or_default();
                let outcome = vedtak.klageutfall.last().cloned().unwrap_or_default();
                format!(
                    "{}; the vedtak has version {}",
                    short(outcome.tilstand().as_str_name()),
                    vedtak.versjon
                )
            },
        )
        .await?;
        self.told(&cast.caseworker, vedtak).await?;
        let request = ListEnhetensOppdragRequest {
            parent: "enheter/bom".to_owned(),
            ..Default::default()
        };
        self.must(
            &cast.bom,
            Formal::Ytelse,
            "looks at its oppdrag",
            "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag",
            request,
            |answer: &ListEnhetensOppdragResponse| {
                let hours = answer.oppdrag.iter().map(|o| (o.min_timer, o.maks_timer));
                let hours: Vec<String> = hours.map(|(a, b)| format!("{a} to {b}")).collect();
                format!("the same oppdrag, {} hours a week", hours.join(", "))
            },
        )
        .await?;
        Ok(())
    }

    async fn evaluated(&mut self, cast: &Cast, vedtak: &str) -> Result<()> {
        self.until_broken("bom", Ventetype::Rapport).await?;
        self.waiting("bestillerkontor").await?;
        let request = RegistrerEvalueringRequest {
            name: vedtak.to_owned(),
            request_id: self.id(),
            evaluering: Some(Evaluering {
                fra: self.day(-55),
                til: self.day(-1),
                oppsummering: "Avtaler holdes, hjemmet fungerer med følge også i helgene."
                    .to_owned(),
                anbefaling: Evalueringsanbefaling::Viderefores.into(),
                personens_syn: PersonensSyn::Enig.into(),
                personens_ord: "Jeg vil beholde dem.".to_owned(),
                ..Evaluering::default()
            }),
        };
        self.must(
            &cast.caseworker,
            Formal::Saksbehandling,
            "evaluates, with the person's own words",
            "bestillerkontor.v1.VedtakService/RegistrerEvaluering",
            request,
            |answer: &RegistrerEvalueringResponse| {
                let vedtak = answer.vedtak.clone().unwrap_or_default();
                let units: Vec<&str> = vedtak
                    .linjer
                    .iter()
                    .flat_map(|line| &line.enheter)
                    .map(|unit| unit_of(unit))
                    .collect();
                format!(
                    "{} evaluation; {} go on, both of them",
                    vedtak.evalueringer.len(),
                    units.join(" and ")
                )
            },
        )
        .await?;
        Ok(())
    }
}

fn found() -> Funn {
    Funn {
        omrader: Livsomrader {
            bolig: Some(need(Behovsniva::Lite, "Jeg vil bli boende.")),
            arbeid_aktivitet: Some(need(Behovsniva::Middels, "Verkstedet gjør meg godt.")),
            rus: Some(need(Behovsniva::Stort, "Jeg drikker når ingen kommer.")),
            ..Livsomrader::default()
        },
        audit: vec![4, 3, 3, 2, 2, 1, 1, 1, 2, 0],
        boevne: Boevne {
            niva: Boevneniva::MedDagligBistand.into(),
            beskrivelse: "Holder orden med følge.".to_owned(),
        },
        funksjon: "Trenger struktur i hverdagen og følge til avtaler.",
        helse: "Lett utviklingshemming og rusmiddelbruk.",
    }
}
