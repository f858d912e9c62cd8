//! ROP delivers: hours against what is granted, a journal in two parts, and
//! how to visit safely.

use std::time::Duration;

use anyhow::{Context as _, Result};
use samspor_proto::{felles::Rolle, rop::*, tilgang::Formal};

use super::{
    seen::seen,
    stage::{Someone, Stage, basis, short},
};

impl Stage<'_> {
    pub(super) async fn rop_delivers(
        &mut self,
        person: &str,
        oppdrag: &str,
        caseworker: &Someone,
        clinician: &Someone,
    ) -> Result<()> {
        let milieu = self
            .someone("ROP, milieu staff", "rop", "rop-c", Rolle::Miljo)
            .await?;
        let leader = self
            .someone("ROP, leader", "rop", "rop-l", Rolle::Leder)
            .await?;
        self.hours(person, oppdrag, caseworker, &milieu).await?;
        self.journal(person, &leader, clinician, &milieu).await?;
        let until = self.now().plus(Duration::from_hours(90 * 24));
        let request = RegistrerRisikovurderingRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            niva: Risikoniva::Gul.into(),
            tiltak: vec![Risikotiltak::ToAnsatte.into()],
            kilde: Risikokilde::EgenErfaring.into(),
            grunnlag: "Utrygg når påvirket.".to_owned(),
            utloper: Some(until.to_proto()),
            hjemmel: Some(basis("arbeidsmiljøloven", "§ 4-3")),
            ..Default::default()
        };
        self.must(
            clinician,
            Formal::Ytelse,
            "assesses the risk of visits",
            "rop.v1.RisikovurderingService/RegistrerRisikovurdering",
            request,
            |_: &RegistrerRisikovurderingResponse| "yellow: two on visits, for 90 days",
        )
        .await?;
        Ok(())
    }

    /// A visit, and what it is against what is granted that week.
    async fn hours(
        &mut self,
        person: &str,
        oppdrag: &str,
        caseworker: &Someone,
        milieu: &Someone,
    ) -> Result<()> {
        let request = OpprettTiltakRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            oppdrag: oppdrag.to_owned(),
            beskrivelse: "Faste besøk to ganger i uken.".to_owned(),
            hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-2 nr. 6")),
        };
        let tiltak = self
            .must(
                caseworker,
                Formal::Ytelse,
                "plans what it delivers under the oppdrag",
                "rop.v1.TiltakService/OpprettTiltak",
                request,
                |answer: &OpprettTiltakResponse| {
                    let tiltak = answer.tiltak.clone().unwrap_or_default();
                    let granted = tiltak.rammer.first().cloned().unwrap_or_default();
                    format!(
                        "{} to {} hours a week are granted, as bestillerkontoret's record says",
                        granted.min_timer, granted.maks_timer
                    )
                },
            )
            .await?
            .tiltak
            .context("no tiltak came back")?
            .name;
        let request = RegistrerKontaktRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            r#type: Kontakttype::Besok.into(),
            utfall: Kontaktutfall::Mott.into(),
            tidspunkt: Some(self.now().to_proto()),
            notat: "Ryddet sammen, avtalte ny dag.".to_owned(),
            minutter: 150,
            tiltak,
            hjemmel: Some(basis("helse- og omsorgstjenesteloven", "§ 3-2 nr. 6")),
            ..Default::default()
        };
        self.must(
            milieu,
            Formal::Ytelse,
            "visits",
            "rop.v1.KontaktService/RegistrerKontakt",
            request,
            |_: &RegistrerKontaktResponse| "met, two and a half hours",
        )
        .await?;
        let request = ListLeveringerRequest {
            parent: person.to_owned(),
            uke: self.day(0),
            ..Default::default()
        };
        self.must(
            caseworker,
            Formal::Ytelse,
            "holds what was delivered against what is granted",
            "rop.v1.TiltakService/ListLeveringer",
            request,
            |answer: &ListLeveringerResponse| {
                let week = answer.leveringer.first().cloned().unwrap_or_default();
                format!(
                    "{} of {} to {} hours this week: {}",
                    week.levert,
                    week.innvilget_min,
                    week.innvilget_maks,
                    short(week.grad().as_str_name())
                )
            },
        )
        .await?;
        Ok(())
    }

    /// What cooperating units need, and what is between two.
    async fn journal(
        &mut self,
        person: &str,
        leader: &Someone,
        clinician: &Someone,
        milieu: &Someone,
    ) -> Result<()> {
        let request = SkrivAapentNotatRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            tema: "Oppstart".to_owned(),
            funksjon: "Klarer innkjøp med følge.".to_owned(),
            tekst: "Redusert rusbruk siste uke.".to_owned(),
            hjemmel: Some(basis("helsepersonelloven", "§ 39")),
            ..Default::default()
        };
        self.must(
            clinician,
            Formal::Ytelse,
            "writes what cooperating units need",
            "rop.v1.JournalService/SkrivAapentNotat",
            request,
            |answer: &SkrivAapentNotatResponse| {
                let note = answer.notat.as_ref();
                (
                    "open note".to_owned(),
                    note.map(|n| seen("samspor.rop.v1.AapentNotat", n)),
                )
            },
        )
        .await?;
        let request = TildelBehandlerRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            ansatt: "rop-b".to_owned(),
            hjemmel: Some(basis("helsepersonelloven", "§ 4")),
        };
        self.must(
            leader,
            Formal::Ytelse,
            "names the clinician who treats the person",
            "rop.v1.BehandlingService/TildelBehandler",
            request,
            |_: &TildelBehandlerResponse| "the restricted journal opens for that employee alone",
        )
        .await?;
        let request = SkrivBegrensetNotatRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            tema: "Samtale".to_owned(),
            tekst: "Fortrolig samtale.".to_owned(),
            hjemmel: Some(basis("helsepersonelloven", "§ 39")),
            ..Default::default()
        };
        self.must(
            clinician,
            Formal::Ytelse,
            "writes down a therapy conversation",
            "rop.v1.JournalService/SkrivBegrensetNotat",
            request,
            |_: &SkrivBegrensetNotatResponse| {
                "restricted note; whoever does not treat the person cannot tell that it exists"
            },
        )
        .await?;
        let request = ListBegrensedeNotaterRequest {
            parent: person.to_owned(),
            ..Default::default()
        };
        self.ask(
            milieu,
            Formal::Ytelse,
            "asks for the restricted notes",
            "rop.v1.JournalService/ListBegrensedeNotater",
            request,
            |answer: &ListBegrensedeNotaterResponse| format!("{} notes", answer.notater.len()),
        )
        .await;
        Ok(())
    }
}
