//! The person of Sarpsborg's audit (4.2) was mapped three times, by three units
//! that each decide on their own. Here once: three decisions, one mapping,
//! three views of it.

use anyhow::{Context as _, Result, bail};
use samspor_proto::{bestillerkontor::*, felles::Rolle, tilgang::Formal};

use super::{
    Rad,
    seen::{Seen, seen},
    stage::{Someone, Stage, basis},
    steps::{Funn, line, need},
};

/// What is applied for, by whom it is delivered, for how many hours.
const TJENESTER: [(Tjenestetype, &str, (f64, f64)); 2] = [
    (Tjenestetype::RopOppfolging, "rop", (2.0, 3.0)),
    (Tjenestetype::Hjemmesykepleie, "hjemmetjeneste", (1.0, 2.0)),
];

impl Stage<'_> {
    /// Plays it. The trace of the first decision, and who read what.
    pub(super) async fn kartlagt(&mut self) -> Result<(String, Rad)> {
        let types = TJENESTER.map(|(kind, ..)| kind);
        let mut deciders = self.deciders(&types)?;
        let of_dwelling = self.holder("vedtaksmyndighet:bolig")?;
        deciders.push((of_dwelling, Vec::new()));
        let mut units: Vec<&String> = deciders.iter().map(|(unit, _)| unit).collect();
        units.sort();
        units.dedup();
        if units.len() < 3 {
            bail!(
                "in {} fewer than three units decide: nobody would map three times there",
                self.municipality.navn
            );
        }
        let counter = self.employee("nav", Rolle::Inntak).await?;
        let author = self
            .employee("bestillerkontor", Rolle::Saksbehandler)
            .await?;

        self.out
            .chapter("One application, for what three units decide on");
        let person = self.known(&author).await?;
        let soknad = MottaSoknadRequest {
            parent: person.clone(),
            eget_onske: "Å slippe å fortelle alt på nytt.".to_owned(),
            gjelder: types.map(Into::into).to_vec(),
            kanal: Kanal::Oppmote.into(),
            boligsituasjon: "Bor hos kjente.".to_owned(),
            ..MottaSoknadRequest::default()
        };
        let soknad = self.applied(&counter, &author, soknad).await?;

        self.out.chapter("Mapped once");
        let mapping = self.mapped(&author, &soknad, found()).await?;

        self.out
            .chapter("Three units decide, each on its own lines");
        let mut rad = Rad::of(self);
        let mut trace = String::new();
        let mut drafts = Vec::new();
        // All are handed out before the first decision closes anything.
        for (unit, lines) in deciders {
            let content = self.content(&soknad, &lines)?;
            let draft = self.drafted(&author, &person, &unit, content).await?;
            drafts.push((unit, draft.name));
        }
        for (unit, draft) in drafts {
            let caseworker = self.employee(&unit, Rolle::Saksbehandler).await?;
            let decider = self.employee(&unit, Rolle::Beslutter).await?;
            let request = self.sent(&caseworker, &draft).await?;
            let (vedtak, of) = self.decided(&decider, request).await?;
            rad.decided(&unit, &vedtak);
            rad.grunnlag.push(vedtak.kartlegging);
            trace = if trace.is_empty() { of } else { trace };
        }

        self.out.chapter("One mapping, three readers, three views");
        for (unit, role, formal) in [
            (
                "bestillerkontor",
                Rolle::Saksbehandler,
                Formal::Saksbehandling,
            ),
            ("rop", Rolle::Behandler, Formal::Ytelse),
            ("hjemmetjeneste", Rolle::Leder, Formal::Ytelse),
            ("nav", Rolle::Saksbehandler, Formal::Samordning),
        ] {
            let who = self.employee(unit, role).await?;
            let view = self.mapping_read(&who, formal, &mapping).await;
            rad.read(unit, view.as_ref());
        }
        let herself = self.the_person(&person).await?;
        let request = ListKartleggingerRequest {
            parent: person.clone(),
            ..Default::default()
        };
        let all = self
            .must(
                &herself,
                Formal::Innsyn,
                "counts how often she was mapped",
                "bestillerkontor.v1.KartleggingService/ListKartlegginger",
                request,
                |answer: &ListKartleggingerResponse| {
                    format!(
                        "{} mapping, of which every vedtak says that it stands on it",
                        answer.kartlegginger.len()
                    )
                },
            )
            .await?;
        rad.kartlegginger = all.kartlegginger.len();
        let own = all.kartlegginger.first().context("no mapping")?;
        rad.read("person", Some(&seen(KARTLEGGING, own)));
        self.out
            .lines("Who decided, and who saw what", &rad.lines());
        self.show_log(&person).await?;
        Ok((trace, rad))
    }

    /// The lines of one unit; without any, the right to a dwelling.
    fn content(&self, soknad: &str, lines: &[usize]) -> Result<Vedtak> {
        let own = lines.iter().filter_map(|place| TJENESTER.get(*place));
        let linjer = own
            .map(|(kind, unit, hours)| line(self, *kind, unit, *hours, "Trygghet i hverdagen."))
            .collect();
        let bolig = Boliglinje {
            rett: Boligrett::Omsorgsbolig.into(),
            enhet: format!(
                "enheter/{}",
                self.holder("tildelingsmyndighet:omsorgsbolig")?
            ),
            fra: self.day(0),
            ..Boliglinje::default()
        };
        Ok(Vedtak {
            soknad: soknad.to_owned(),
            linjer,
            bolig: lines.is_empty().then_some(bolig),
            hovedansvarlig: "enheter/rop".to_owned(),
            begrunnelse: "Kartleggingen viser behovet.".to_owned(),
            hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-1")),
            personens_syn: PersonensSyn::Enig.into(),
            ..Vedtak::default()
        })
    }

    /// Somebody reads a mapping, or cannot.
    pub(super) async fn mapping_read(
        &mut self,
        who: &Someone,
        formal: Formal,
        name: &str,
    ) -> Option<Seen> {
        let request = HentKartleggingRequest {
            name: name.to_owned(),
            utgave: 0,
        };
        let answer = self
            .ask(
                who,
                formal,
                "reads the mapping",
                "bestillerkontor.v1.KartleggingService/HentKartlegging",
                request,
                |answer: &HentKartleggingResponse| {
                    let mapping = answer.kartlegging.as_ref();
                    let view = mapping.map(|k| seen(KARTLEGGING, k));
                    ("the one mapping, as far as it is theirs".to_owned(), view)
                },
            )
            .await;
        let mapping = answer.result.ok()?.kartlegging?;
        Some(seen(KARTLEGGING, &mapping))
    }
}

const KARTLEGGING: &str = "samspor.bestillerkontor.v1.Kartlegging";

fn found() -> Funn {
    Funn {
        omrader: Livsomrader {
            bolig: Some(need(Behovsniva::Stort, "Jeg bor på en sofa.")),
            okonomi: Some(need(Behovsniva::Stort, "Jeg har gjeld.")),
            arbeid_aktivitet: Some(need(Behovsniva::Middels, "Jeg vil ha noe å gå til.")),
            psykisk_helse: Some(need(Behovsniva::Stort, "Jeg er redd om natta.")),
            rus: Some(need(Behovsniva::Stort, "Jeg drikker for å sove.")),
            ..Livsomrader::default()
        },
        audit: vec![4, 4, 3, 3, 2, 2, 1, 1, 2, 0],
        boevne: Boevne {
            niva: Boevneniva::MedOppfolging.into(),
            beskrivelse: "Holder orden med hjelp.".to_owned(),
        },
        funksjon: "Trenger noen som kommer til faste tider.",
        helse: "Rusmiddelbruk, søvnvansker.",
    }
}
