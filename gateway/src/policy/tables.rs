//! The tables next to the Cedar files: purposes, roles, and which facts make a
//! relation.

use std::collections::BTreeMap;

use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::{Klasser, Metode, kortnavn},
    tilgang::{Dataklasse, Formal, Handling},
};

use super::{
    files::{File, LoadError, Table, Toml},
    question::{PurposeRefusal, formalnavn, rollenavn},
    vocabulary::{alle_faktumtyper, alle_formal, alle_klasser, alle_roller, faktumnavn},
};

/// One purpose of `formaal.toml`.
#[derive(Debug)]
struct Purpose {
    roller: Vec<Rolle>,
    metoder: Vec<Pattern>,
    sak: bool,
}

/// `package/handling`; none is any.
#[derive(Debug)]
struct Pattern {
    package: Option<String>,
    handling: Option<Handling>,
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (package, handling) = text.split_once('/')?;
        Some(Self {
            package: (package != "*").then(|| package.to_owned()),
            handling: match handling {
                "*" => None,
                name => Some(Handling::from_str_name(&format!("HANDLING_{name}"))?),
            },
        })
    }

    fn fits(&self, method: &Metode) -> bool {
        let package = method.sti.split('.').nth(1).unwrap_or_default();
        self.package.as_deref().is_none_or(|p| p == package)
            && self.handling.is_none_or(|h| h == method.tilgang.handling())
    }
}

/// `formaal.toml`.
#[derive(Debug)]
pub(super) struct Purposes(BTreeMap<Formal, Purpose>);

impl Purposes {
    pub(super) fn read(file: &File) -> Result<Self, LoadError> {
        let doc = Toml::parse(file)?;
        let root = doc.root();
        let mut purposes = BTreeMap::new();
        for key in root.keys() {
            let formal = alle_formal()
                .find(|formal| formalnavn(*formal) == key.text)
                .ok_or_else(|| {
                    let known = join(alle_formal().map(formalnavn));
                    root.fault(
                        key.line,
                        format!("unknown purpose {}; known: {known}", key.text),
                    )
                })?;
            let table = root.table(key.text)?;
            table.only(&["roller", "metoder", "sak"])?;
            let purpose = Purpose {
                roller: table.names("roller", "role", rolle, || {
                    join(alle_roller().map(rollenavn))
                })?,
                metoder: table.names("metoder", "method pattern", Pattern::parse, || {
                    "package/HANDLING with * for any".to_owned()
                })?,
                sak: table.flag("sak")?,
            };
            purposes.insert(formal, purpose);
        }
        match alle_formal().find(|formal| !purposes.contains_key(formal)) {
            None => Ok(Self(purposes)),
            Some(formal) => {
                let fault = format!(
                    "[{}] is missing: who may state it, and where",
                    formalnavn(formal)
                );
                Err(root.fault(0, fault))
            }
        }
    }

    pub(super) fn case_required(&self, formal: Formal) -> bool {
        self.0.get(&formal).is_some_and(|purpose| purpose.sak)
    }

    /// Purposes that a role may state somewhere.
    pub(super) fn of_role(&self, rolle: Rolle) -> impl Iterator<Item = Formal> {
        self.0
            .iter()
            .filter(move |(_, purpose)| purpose.roller.contains(&rolle))
            .map(|(formal, _)| *formal)
    }

    /// Purposes that are open to the role in the method.
    pub(super) fn open(&self, method: &Metode, rolle: Rolle) -> Vec<Formal> {
        if rolle == Rolle::System && !method.tilgang.system {
            return Vec::new();
        }
        self.of_role(rolle)
            .filter(|formal| {
                let listed = method.tilgang.formal().any(|listed| listed == *formal);
                // The contract opens a method under break-glass with one flag.
                let broken = *formal == Formal::Nodhjelp && method.tilgang.nodtilgang;
                listed || broken
            })
            .filter(|formal| {
                self.0.get(formal).is_some_and(|purpose| {
                    purpose.metoder.iter().any(|pattern| pattern.fits(method))
                })
            })
            .collect()
    }

    pub(super) fn check(
        &self,
        method: &Metode,
        rolle: Rolle,
        formal: Formal,
    ) -> Result<(), PurposeRefusal> {
        let gyldige = self.open(method, rolle);
        match formal {
            Formal::Unspecified => Err(PurposeRefusal::Missing { gyldige }),
            stated if gyldige.contains(&stated) => Ok(()),
            _ => Err(PurposeRefusal::NotOpen { gyldige }),
        }
    }
}

/// Row of a role in `roller.toml`. TEKNISK is in every list that is not empty.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RoleClasses {
    pub(super) leser: Klasser,
    pub(super) skriver: Klasser,
    pub(super) samtykke: Klasser,
}

/// `roller.toml`.
#[derive(Debug)]
pub(super) struct Roles {
    rows: BTreeMap<Rolle, RoleClasses>,
    isteden: BTreeMap<Dataklasse, Klasser>,
}

impl Roles {
    pub(super) fn read(file: &File) -> Result<Self, LoadError> {
        let doc = Toml::parse(file)?;
        let root = doc.root();
        let known: Vec<&str> = alle_roller().map(rollenavn).chain(["isteden"]).collect();
        root.only(&known)?;
        let mut rows = BTreeMap::new();
        for rolle in alle_roller() {
            let table = root.table(rollenavn(rolle))?;
            table.only(&["les", "skriv", "samtykke"])?;
            let classes = |key| {
                let classes = classes_in(&table, key)?;
                Ok(match classes.er_tom() {
                    true => classes,
                    false => classes | Klasser::av(&[Dataklasse::Teknisk]),
                })
            };
            let row = RoleClasses {
                leser: classes("les")?,
                skriver: classes("skriv")?,
                samtykke: classes("samtykke")?,
            };
            rows.insert(rolle, row);
        }
        let table = root.table("isteden")?;
        let mut isteden = BTreeMap::new();
        for key in table.keys() {
            let class = klasse(key.text).ok_or_else(|| {
                table.fault(
                    key.line,
                    format!("unknown class {}; known: {}", key.text, class_names()),
                )
            })?;
            isteden.insert(class, classes_in(&table, key.text)?);
        }
        Ok(Self { rows, isteden })
    }

    pub(super) fn row(&self, rolle: Rolle) -> RoleClasses {
        self.rows.get(&rolle).copied().unwrap_or_default()
    }

    pub(super) fn others_read(&self, rolle: Rolle, class: Dataklasse) -> bool {
        self.rows
            .iter()
            .any(|(other, row)| *other != rolle && row.leser.har(class))
    }

    pub(super) fn isteden(&self, class: Dataklasse) -> Klasser {
        self.isteden.get(&class).copied().unwrap_or_default()
    }
}

/// `fakta.toml`: which kinds of facts make a relation, and who may state them.
#[derive(Debug)]
pub(super) struct Relations {
    pub(super) bekreftet: Vec<Faktumtype>,
    pub(super) ubekreftet: Vec<Faktumtype>,
    pub(super) kilder: Sources,
}

/// Kinds of facts that each service may state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, Vec<Faktumtype>>);

impl Sources {
    /// One service that may state every kind.
    #[must_use]
    pub fn all_from(tjeneste: &str) -> Self {
        Self(BTreeMap::from([(
            tjeneste.to_owned(),
            alle_faktumtyper().collect(),
        )]))
    }

    /// Whether a service may state facts of a kind.
    #[must_use]
    pub fn may_state(&self, tjeneste: &str, kind: Faktumtype) -> bool {
        self.0
            .get(tjeneste)
            .is_some_and(|kinds| kinds.contains(&kind))
    }

    /// Whether a service may state facts that close: without all of them
    /// nothing may be decided.
    #[must_use]
    pub fn close(&self, tjeneste: &str) -> bool {
        let mut closing = super::plain::CLOSING.iter();
        closing.any(|kind| self.may_state(tjeneste, *kind))
    }
}

impl Relations {
    pub(super) fn read(file: &File) -> Result<Self, LoadError> {
        let doc = Toml::parse(file)?;
        let root = doc.root();
        root.only(&["bekreftet", "ubekreftet", "kilder"])?;
        let kinds = |table: &Table<'_>, key: &str| {
            let lookup = |name: &str| alle_faktumtyper().find(|kind| faktumnavn(*kind) == name);
            table.names(key, "kind of fact", lookup, || {
                join(alle_faktumtyper().map(faktumnavn))
            })
        };
        let kilder = root.table("kilder")?;
        let stated = kilder
            .keys()
            .into_iter()
            .map(|key| Ok((key.text.to_owned(), kinds(&kilder, key.text)?)))
            .collect::<Result<_, LoadError>>()?;
        Ok(Self {
            bekreftet: kinds(&root, "bekreftet")?,
            ubekreftet: kinds(&root, "ubekreftet")?,
            kilder: Sources(stated),
        })
    }
}

fn classes_in(table: &Table<'_>, key: &str) -> Result<Klasser, LoadError> {
    let classes = table.names(key, "class", klasse, class_names)?;
    Ok(classes.into_iter().collect())
}

fn rolle(name: &str) -> Option<Rolle> {
    alle_roller().find(|rolle| rollenavn(*rolle) == name)
}

fn klasse(name: &str) -> Option<Dataklasse> {
    alle_klasser().find(|class| kortnavn(*class) == name)
}

fn class_names() -> String {
    join(alle_klasser().map(kortnavn))
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
