//! The vignette that NTNU put before three municipalities («Et felles ansvar»,
//! 2018, chapter 3): a woman of 27 loses her private rental, has anxiety, and
//! uses drugs in periods. The same steps in each municipality; what differs is
//! what its file says.

use anyhow::Result;
use samspor_proto::{bestillerkontor::*, felles::Rolle, tilgang::Formal};

use super::{
    Rad,
    seen::seen,
    stage::{Stage, basis},
    steps::{Funn, line, need},
};

/// What is granted, by whom it is delivered, for how many hours.
const TJENESTER: [(Tjenestetype, &str, (f64, f64)); 2] = [
    (Tjenestetype::RopOppfolging, "rop", (2.0, 4.0)),
    (Tjenestetype::Boveiledning, "bom", (3.0, 6.0)),
];

impl Stage<'_> {
    /// Plays it in one municipality. The trace of the first decision, and what
    /// came of it.
    pub(super) async fn vignett(&mut self) -> Result<(String, Rad)> {
        self.out.chapter(&format!(
            "{}: a woman of 27 loses her private rental",
            self.municipality.navn
        ));
        let counter = self.employee("nav", Rolle::Inntak).await?;
        let author = self
            .employee("bestillerkontor", Rolle::Saksbehandler)
            .await?;
        let person = self.known(&author).await?;
        let soknad = MottaSoknadRequest {
            parent: person.clone(),
            eget_onske: "En leilighet jeg kan beholde.".to_owned(),
            gjelder: TJENESTER.map(|(kind, ..)| kind.into()).to_vec(),
            kanal: Kanal::Oppmote.into(),
            boligsituasjon: "Mister boligen hun leier privat, og klarer ikke å finne en annen."
                .to_owned(),
            helseopplysninger: "Sliter med angst, ruser seg i perioder.".to_owned(),
            okonomi: "Uten fast arbeid.".to_owned(),
            ..MottaSoknadRequest::default()
        };
        let soknad = self.applied(&counter, &author, soknad).await?;
        self.mapped(&author, &soknad, found()).await?;

        let mut rad = Rad::of(self);
        let mut trace = String::new();
        let mut drafts = Vec::new();
        for (unit, content) in self.shared_out(&soknad)? {
            let draft = self.drafted(&author, &person, &unit, content).await?;
            drafts.push((unit, draft.name));
        }
        let mut names = Vec::new();
        for (unit, draft) in drafts {
            let caseworker = self.employee(&unit, Rolle::Saksbehandler).await?;
            let decider = self.employee(&unit, Rolle::Beslutter).await?;
            let request = self.sent(&caseworker, &draft).await?;
            let (vedtak, of) = self.decided(&decider, request).await?;
            rad.decided(&unit, &vedtak);
            trace = if trace.is_empty() { of } else { trace };
            names.push((unit, vedtak.name));
        }
        rad.tildeler = self.holder("tildelingsmyndighet:kommunal_utleie")?;
        rad.midlertidig = self.holder("tildelingsmyndighet:midlertidig")?;

        for unit in [
            "bestillerkontor",
            "rop",
            "bom",
            "hjemmetjeneste",
            "boligkontor",
            "nav",
        ] {
            let who = self.employee(unit, Rolle::Saksbehandler).await?;
            for (decider, vedtak) in &names {
                let formal = match unit {
                    "bestillerkontor" => Formal::Saksbehandling,
                    unit if unit == decider => Formal::Saksbehandling,
                    "rop" | "bom" | "hjemmetjeneste" => Formal::Ytelse,
                    _ => Formal::Samordning,
                };
                let found = self.vedtak_read(&who, formal, vedtak).await.ok();
                let view = found.map(|v| seen("samspor.bestillerkontor.v1.Vedtak", &v));
                rad.read(unit, view.as_ref());
            }
        }
        for unit in [
            "bestillerkontor",
            "rop",
            "hjemmetjeneste",
            "bom",
            "boligkontor",
        ] {
            for post in self.waiting(unit).await? {
                rad.waits(&post);
            }
        }
        Ok((trace, rad))
    }

    /// Drafts for whoever decides, by the municipality's file. The right to a
    /// dwelling is one of them; it is not yet a dwelling.
    fn shared_out(&self, soknad: &str) -> Result<Vec<(String, Vedtak)>> {
        let whole = Vedtak {
            soknad: soknad.to_owned(),
            hovedansvarlig: "enheter/rop".to_owned(),
            begrunnelse: "Mister boligen, og trenger hjelp til å skaffe og beholde en ny."
                .to_owned(),
            medisinsk_grunnlag: "Angst, rusmiddelbruk i perioder.".to_owned(),
            funksjonsvurdering: "Klarer seg i egen bolig med oppfølging.".to_owned(),
            hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-1")),
            personens_syn: PersonensSyn::Enig.into(),
            ..Vedtak::default()
        };
        let types = TJENESTER.map(|(kind, ..)| kind);
        let mut drafts = Vec::new();
        for (unit, lines) in self.deciders(&types)? {
            let own = lines.iter().filter_map(|place| TJENESTER.get(*place));
            let linjer = own
                .map(|(kind, by, hours)| line(self, *kind, by, *hours, "Få og beholde et hjem."))
                .collect();
            let content = Vedtak {
                linjer,
                ..whole.clone()
            };
            drafts.push((unit, content));
        }
        let bolig = Some(Boliglinje {
            rett: Boligrett::Treningsleilighet.into(),
            enhet: format!(
                "enheter/{}",
                self.holder("tildelingsmyndighet:kommunal_utleie")?
            ),
            fra: self.day(0),
            krav: vec!["Nær buss, ikke i et aktivt rusmiljø.".to_owned()],
        });
        let decider = self.holder("vedtaksmyndighet:bolig")?;
        match drafts.iter_mut().find(|(unit, _)| *unit == decider) {
            Some((_, content)) => content.bolig = bolig,
            None => drafts.push((decider, Vedtak { bolig, ..whole })),
        }
        Ok(drafts)
    }
}

fn found() -> Funn {
    Funn {
        omrader: Livsomrader {
            bolig: Some(need(Behovsniva::Akutt, "Jeg mister leiligheten.")),
            okonomi: Some(need(Behovsniva::Stort, "Jeg har ikke til depositum.")),
            arbeid_aktivitet: Some(need(Behovsniva::Stort, "Jeg vil ha en jobb.")),
            psykisk_helse: Some(need(Behovsniva::Stort, "Angsten tar meg.")),
            rus: Some(need(Behovsniva::Middels, "Det går i perioder.")),
            ..Livsomrader::default()
        },
        audit: vec![2, 3, 2, 1, 1, 0, 1, 1, 0, 0],
        boevne: Boevne {
            niva: Boevneniva::MedOppfolging.into(),
            beskrivelse: "Har holdt orden hjemme i perioder uten rus.".to_owned(),
        },
        funksjon: "Trenger hjelp til å skaffe bolig, og noen å ringe.",
        helse: "Angst, rusmiddelbruk i perioder.",
    }
}
