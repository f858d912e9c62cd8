//! Nav's part: places, and those of the sixteen who are in temporary housing.
//!
//! Seven of the twelve are in the seven dwellings that the municipality has for
//! it; where the others are no source tells, and a lodging house is assumed.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use samspor_chassis::{
    domene::Dag,
    tid::{Clock as _, SystemClock, Tid},
};
use samspor_proto::{
    boligkontor::*,
    felles::{Hjemmel, Rolle},
    nav::*,
    tilgang::Formal,
};

use super::ring;
use crate::{
    desk::Desk,
    mesh::{Mesh, employee},
};

/// Days after which it is decided that a stay goes on past three months, which
/// it is not granted for before.
pub(super) const TRE_MANEDER: i32 = 85;
/// Days after today for which all stays are granted.
const INNVILGET: i32 = 45;

/// Who at Nav does it, and what there is.
pub(super) struct Opphold<'m> {
    mesh: &'m Mesh,
    na: Dag,
    inntak: Desk,
    saksbehandler: Desk,
    beslutter: Desk,
    boligforvalter: Desk,
    /// Dwellings that are still empty, each with the place that it is.
    ledige: Vec<(String, String)>,
    hospits: String,
    personer: Vec<String>,
    /// Names of stays, by the number of the person.
    opphold: Vec<String>,
}

fn hjemmel() -> Hjemmel {
    Hjemmel {
        lov: "sosialtjenesteloven".to_owned(),
        paragraf: "§ 27".to_owned(),
    }
}

/// The checklist, with a kitchen or without.
fn sjekkliste(matlaging: bool) -> Vec<Kvalitet> {
    let all = (1..).map_while(|n| Kvalitetspunkt::try_from(n).ok());
    all.map(|punkt| {
        let gap = punkt == Kvalitetspunkt::Matlaging && !matlaging;
        Kvalitet {
            punkt: punkt.into(),
            svar: if gap {
                Kvalitetssvar::Nei
            } else {
                Kvalitetssvar::Ja
            }
            .into(),
            merknad: String::new(),
        }
    })
    .collect()
}

impl<'m> Opphold<'m> {
    /// Registers the places.
    pub(super) async fn new(mesh: &'m Mesh, na: Tid, personer: &[String]) -> Result<Self> {
        let desk = async |unit: &str, id: &str, role| mesh.desk(employee(unit, id, role)).await;
        let mut new = Self {
            mesh,
            na: Dag::av(na),
            inntak: desk("nav", "nav-data-1", Rolle::Inntak).await?,
            saksbehandler: desk("nav", "nav-data-2", Rolle::Saksbehandler).await?,
            beslutter: desk("nav", "nav-data-3", Rolle::Beslutter).await?,
            boligforvalter: desk("boligkontor", "bo-data", Rolle::Boligforvalter).await?,
            ledige: Vec::new(),
            hospits: String::new(),
            personer: personer.to_vec(),
            opphold: vec![String::new(); personer.len()],
        };
        let request = ListBoligerRequest {
            parent: "enheter/boligkontor".to_owned(),
            tildelingstype: Tildelingstype::Midlertidig.into(),
            ..Default::default()
        };
        let method = "boligkontor.v1.BoligService/ListBoliger";
        let found: ListBoligerResponse =
            ring(&new.saksbehandler, Formal::Tildeling, method, request).await?;
        let mut dwellings = found.boliger;
        // The first one is the family's.
        dwellings.sort_by(|a, b| b.nokkel.cmp(&a.nokkel));
        for dwelling in dwellings {
            let er = dwelling.egenskaper.unwrap_or_default();
            let request = RegistrerPlassRequest {
                r#type: Plasstype::Egen.into(),
                navn: er.navn,
                adresse: er.adresse,
                leverandor: "Karmøy kommune".to_owned(),
                senger: 1 + er.soverom,
                pris_ore: i64::from(er.kostnad_per_dag) * 100,
                kvalitet: sjekkliste(true),
                ..Default::default()
            };
            let place = new.plass(request).await?;
            new.ledige.push((dwelling.name, place));
        }
        let request = RegistrerPlassRequest {
            r#type: Plasstype::Hospits.into(),
            navn: "Hospits".to_owned(),
            adresse: "Hospits, Kopervik".to_owned(),
            leverandor: "Privat leverandør".to_owned(),
            senger: 8,
            pris_ore: 95_000,
            kvalitet: sjekkliste(false),
            ..Default::default()
        };
        new.hospits = new.plass(request).await?;
        Ok(new)
    }

    async fn plass(&self, request: RegistrerPlassRequest) -> Result<String> {
        let request = RegistrerPlassRequest {
            parent: "enheter/nav".to_owned(),
            request_id: self.mesh.new_id(),
            kontrollert: Dag::av(self.mesh.now()).pluss_dager(-1).to_string(),
            ..request
        };
        let method = "nav.v1.PlassService/RegistrerPlass";
        let made: RegistrerPlassResponse =
            ring(&self.saksbehandler, Formal::Tildeling, method, request).await?;
        Ok(made.plass.unwrap_or_default().name)
    }

    /// Somebody asks, and gets a place the same day: a dwelling while there is
    /// one, and a bed in the lodging house after that.
    pub(super) async fn inn(&mut self, n: usize) -> Result<()> {
        let id = self.personer.get(n).context("no such person")?;
        let person = format!("personer/{id}");
        let request = MeldBehovRequest {
            parent: person.clone(),
            request_id: self.mesh.new_id(),
            kanal: Meldekanal::Oppmote.into(),
            arsak: Behovsarsak::UtenBolig.into(),
            eget_onske: "Et sted å sove.".to_owned(),
            ..Default::default()
        };
        let method = "nav.v1.BotilbudService/MeldBehov";
        let _: MeldBehovResponse = ring(&self.inntak, Formal::Oppfolging, method, request).await?;
        let request = ListBotilbudRequest {
            parent: person.clone(),
            ..Default::default()
        };
        let method = "nav.v1.BotilbudService/ListBotilbud";
        let asked: ListBotilbudResponse =
            ring(&self.beslutter, Formal::Oppfolging, method, request).await?;
        let asked = asked
            .botilbud
            .into_iter()
            .next()
            .context("no request for a bed")?;
        let dwelling = self.ledige.pop();
        let own = dwelling.as_ref().map(|(_, place)| place.clone());
        let lodging = own.is_none();
        let three_months = Dag::av(self.mesh.now()).pluss_maneder(3);
        let request = InnvilgBotilbudRequest {
            name: asked.name,
            request_id: self.mesh.new_id(),
            plass: own.unwrap_or_else(|| self.hospits.clone()),
            til: self.til().min(three_months).to_string(),
            kvalitet_begrunnelse: match lodging {
                true => "Ingen annen plass er ledig; felles kjøkken i nabohuset.".to_owned(),
                false => String::new(),
            },
            begrunnelse: "Har ingen steder å sove.".to_owned(),
            hjemmel: Some(hjemmel()),
            ..Default::default()
        };
        let method = "nav.v1.BotilbudService/InnvilgBotilbud";
        let given: InnvilgBotilbudResponse =
            ring(&self.beslutter, Formal::Tildeling, method, request).await?;
        let stay = given.botilbud.unwrap_or_default().opphold;
        if let Some((bolig, _)) = dwelling {
            self.leid(&person, &bolig, &stay).await?;
        }
        if let Some(of) = self.opphold.get_mut(n) {
            *of = stay;
        }
        Ok(())
    }

    fn til(&self) -> Dag {
        self.na.pluss_dager(INNVILGET)
    }

    /// Nav holds the dwelling for the stay, and the office that keeps the stock
    /// makes the contract.
    async fn leid(&self, person: &str, bolig: &str, stay: &str) -> Result<()> {
        let request = ReserverBoligRequest {
            parent: person.to_owned(),
            request_id: self.mesh.new_id(),
            bolig: bolig.to_owned(),
            grunnlag: stay.to_owned(),
            begrunnelse: "Ledig i natt.".to_owned(),
            ..Default::default()
        };
        let method = "boligkontor.v1.ReservasjonService/ReserverBolig";
        let held: ReserverBoligResponse =
            ring(&self.saksbehandler, Formal::Tildeling, method, request).await?;
        let request = InngaKontraktRequest {
            name: held.reservasjon.unwrap_or_default().name,
            request_id: self.mesh.new_id(),
            ..Default::default()
        };
        let method = "boligkontor.v1.LeieforholdService/InngaKontrakt";
        let _: InngaKontraktResponse =
            ring(&self.boligforvalter, Formal::Tildeling, method, request).await?;
        Ok(())
    }

    /// Three months are near and there is no dwelling: the stay goes on by an
    /// exception with its reason.
    pub(super) async fn videre(&self, n: usize) -> Result<()> {
        let name = self.opphold.get(n).context("no such stay")?;
        let request = ForlengOppholdRequest {
            name: name.clone(),
            request_id: self.mesh.new_id(),
            til: self.til().to_string(),
            begrunnelse: "Venter på kommunal bolig.".to_owned(),
            hjemmel: Some(hjemmel()),
            unntak_begrunnelse: "Godkjent til kommunal bolig, og ingen er ledig.".to_owned(),
        };
        let method = "nav.v1.OppholdService/ForlengOpphold";
        let _: ForlengOppholdResponse =
            ring(&self.beslutter, Formal::Tildeling, method, request).await?;
        Ok(())
    }

    /// Waits until Nav's clock has told of so many stays that they are over three
    /// months, and boligkontoret has heard of all of them.
    pub(super) async fn til_over_tre_maneder(&self, antall: usize) -> Result<()> {
        const TRIES: u32 = 400;
        const PAUSE: Duration = Duration::from_millis(25);
        let all = self.opphold.iter().filter(|stay| !stay.is_empty());
        let told = (i32::try_from(all.count())?, i32::try_from(antall)?);
        for _ in 0..TRIES {
            let request = HentBehovsoversiktRequest {
                parent: "enheter/boligkontor".to_owned(),
                dag: String::new(),
            };
            let method = "boligkontor.v1.BehovService/HentBehovsoversikt";
            let found: HentBehovsoversiktResponse =
                ring(&self.boligforvalter, Formal::Tildeling, method, request).await?;
            let found = found.behovsoversikt.unwrap_or_default();
            if (found.i_midlertidig, found.over_tre_maneder) == told {
                return Ok(());
            }
            SystemClock.sleep_until(SystemClock.now().plus(PAUSE)).await;
        }
        bail!("boligkontoret has not heard of {told:?} stays: all, and over three months")
    }
}
