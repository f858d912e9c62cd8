//! The Cedar files: one rule per `@id`, each with its legal pointer.

use std::{collections::HashMap, sync::Arc};

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, PolicyId, PolicySet, PrincipalConstraint, Request,
    ResourceConstraint,
};
use samspor_proto::klassifisering::Klasser;

use super::{
    files::{File, LoadError},
    plain::Names,
    question::{Named, RuleId},
    vocabulary::{FACT_ATTRIBUTES, Functions, VALIDATION, validator},
};

/// What the annotations of one Cedar policy say.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Rule of `tilgang.md`: `P1` of `P1.person`.
    pub(super) rule: RuleId,
    /// Full id.
    pub(super) id: String,
    pub(super) effect: Effect,
    pub(super) hjemmel: String,
    pub(super) tekst: Arc<str>,
    pub(super) navngis: bool,
    pub(super) som_ukjent: bool,
    /// String literals: the record types that it names.
    pub(super) literals: Vec<String>,
    /// Actions that it names; empty: any.
    pub(super) actions: Vec<String>,
}

impl Rule {
    pub(super) fn named(&self) -> Option<Named> {
        self.navngis.then(|| Named {
            rule: Arc::clone(&self.rule),
            text: Arc::clone(&self.tekst),
        })
    }
}

/// All rules, in the order of the files.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) policies: PolicySet,
    pub(super) rules: Vec<Rule>,
    index: HashMap<PolicyId, usize>,
    slices: Vec<PolicySet>,
    slice_of: HashMap<Scope, usize>,
}

/// Principal, action and resource of a request.
type Scope = (EntityUid, EntityUid, EntityUid);

const ANNOTATIONS: [&str; 5] = ["id", "hjemmel", "navngis", "tekst", "som_ukjent"];

impl Rules {
    pub(super) fn read(files: &[File], functions: &Functions) -> Result<Self, LoadError> {
        let mut policies = PolicySet::new();
        let mut rules: Vec<Rule> = Vec::new();
        let mut index = HashMap::new();
        let mut places: HashMap<PolicyId, (&str, usize)> = HashMap::new();
        for file in files {
            for Chunk { line, text } in chunks(file)? {
                let fault = |fault: String| LoadError::new(&file.name, line, fault);
                let policy =
                    cedar_policy::Policy::parse(None, &text).map_err(|e| fault(e.to_string()))?;
                let rule = describe(&policy).map_err(fault)?;
                let id = PolicyId::new(&rule.id);
                if let Some((file, line)) = places.get(&id) {
                    return Err(fault(format!("rule {} is also in {file}:{line}", rule.id)));
                }
                places.insert(id.clone(), (&file.name, line));
                index.insert(id.clone(), rules.len());
                rules.push(rule);
                policies
                    .add(policy.new_id(id))
                    .map_err(|e| fault(e.to_string()))?;
            }
        }

        let validator =
            validator(functions).map_err(|e| LoadError::new("policies/funksjoner.toml", 0, e))?;
        let verdict = validator.validate(&policies, VALIDATION);
        if let Some(error) = verdict.validation_errors().next() {
            let (file, line) = places.get(error.policy_id()).copied().unwrap_or_default();
            return Err(LoadError::new(file, line, error.to_string()));
        }
        let mut all = Self {
            policies,
            rules,
            index,
            slices: Vec::new(),
            slice_of: HashMap::new(),
        };
        all.slice(functions)
            .map_err(|fault| LoadError::new("policies/", 0, fault))?;
        Ok(all)
    }

    /// The rules whose scope lets a request in. The others cannot be
    /// satisfied, and most of the cost of a request is the rules it looks at.
    pub(super) fn slice_for(&self, request: &Request) -> &PolicySet {
        let slice = match (request.principal(), request.action(), request.resource()) {
            (Some(principal), Some(action), Some(resource)) => {
                let scope = (principal.clone(), action.clone(), resource.clone());
                self.slice_of.get(&scope)
            }
            _ => None,
        };
        slice
            .and_then(|at| self.slices.get(*at))
            .unwrap_or(&self.policies)
    }

    fn slice(&mut self, functions: &Functions) -> Result<(), String> {
        let names = Names::new(functions)?;
        let policies: Vec<&cedar_policy::Policy> = self.policies.policies().collect();
        let mut known: HashMap<Vec<bool>, usize> = HashMap::new();
        for principal in names.rolle.values() {
            for action in names.action.values() {
                for resource in names.klasse.values() {
                    let fits: Vec<bool> = policies
                        .iter()
                        .map(|policy| lets_in(policy, principal, action, resource))
                        .collect();
                    let at = if let Some(at) = known.get(&fits) {
                        *at
                    } else {
                        let chosen = policies.iter().zip(&fits).filter(|(_, fits)| **fits);
                        let slice =
                            PolicySet::from_policies(chosen.map(|(policy, _)| (*policy).clone()))
                                .map_err(|e| e.to_string())?;
                        self.slices.push(slice);
                        known.insert(fits, self.slices.len() - 1);
                        self.slices.len() - 1
                    };
                    let scope = (principal.clone(), action.clone(), resource.clone());
                    self.slice_of.insert(scope, at);
                }
            }
        }
        Ok(())
    }

    /// Position of a rule; rules are told in the order of the files.
    pub(super) fn position(&self, id: &PolicyId) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub(super) fn get(&self, position: usize) -> Option<&Rule> {
        self.rules.get(position)
    }

    /// The permit of a row of the doing table, to be named when it refuses.
    pub(super) fn row(&self, row: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| {
            rule.effect == Effect::Permit && rule.actions.iter().any(|action| action == row)
        })
    }

    /// Record types (and other strings) that some rule names, in order.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.rules
            .iter()
            .flat_map(|rule| rule.literals.iter().map(String::as_str))
    }
}

/// Whether the scope of a policy lets a request in. What it does not know
/// (`in` over a hierarchy, of which the vocabulary has none) lets in.
fn lets_in(
    policy: &cedar_policy::Policy,
    principal: &EntityUid,
    action: &EntityUid,
    resource: &EntityUid,
) -> bool {
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Eq(only) => only == *principal,
        _ => true,
    };
    let action = match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == *action,
        ActionConstraint::In(some) => some.contains(action),
    };
    let resource = match policy.resource_constraint() {
        ResourceConstraint::Eq(only) => only == *resource,
        _ => true,
    };
    principal && action && resource
}

/// One policy's text, from its `@id` on, and the line where it begins.
struct Chunk {
    line: usize,
    text: String,
}

/// Splits a file at each line that begins with `@id(`, so that every fault has
/// a place. Nothing but comments may stand before the first.
fn chunks(file: &File) -> Result<Vec<Chunk>, LoadError> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        if line.starts_with("@id(") {
            chunks.push(Chunk {
                line: at + 1,
                text: String::new(),
            });
        }
        match chunks.last_mut() {
            Some(chunk) => {
                chunk.text.push_str(line);
                chunk.text.push('\n');
            }
            None if line.trim().is_empty() || line.trim_start().starts_with("//") => {}
            None => {
                let fault = "every policy begins with @id(\"…\") at the start of a line";
                return Err(LoadError::new(&file.name, at + 1, fault));
            }
        }
    }
    Ok(chunks)
}

fn describe(policy: &cedar_policy::Policy) -> Result<Rule, String> {
    let required = |name: &str| match policy.annotation(name).map(str::trim) {
        None | Some("") => Err(format!("annotation @{name} is missing")),
        Some(text) => Ok(text.to_owned()),
    };
    let yes_no = |name: &str, text: &str| match text {
        "ja" => Ok(true),
        "nei" => Ok(false),
        other => Err(format!("@{name} must be \"ja\" or \"nei\", not {other:?}")),
    };
    if let Some((unknown, _)) = policy
        .annotations()
        .find(|(name, _)| !ANNOTATIONS.contains(name))
    {
        let known = ANNOTATIONS.join(", @");
        return Err(format!("unknown annotation @{unknown}; known: @{known}"));
    }
    let id = required("id")?;
    let rule = id.split('.').next().unwrap_or_default();
    let json = policy.to_json().map_err(|e| e.to_string())?;
    let mut found = Found::default();
    found.walk(&json);
    let rule = Rule {
        rule: Arc::from(rule),
        effect: policy.effect(),
        hjemmel: required("hjemmel")?,
        tekst: Arc::from(required("tekst")?),
        navngis: yes_no("navngis", &required("navngis")?)?,
        som_ukjent: yes_no(
            "som_ukjent",
            policy.annotation("som_ukjent").unwrap_or("nei"),
        )?,
        literals: found.literals,
        actions: found.actions,
        id,
    };
    let fact = found
        .attributes
        .iter()
        .find(|attribute| FACT_ATTRIBUTES.contains(&attribute.as_str()));
    match fact {
        Some(fact) if rule.navngis && rule.effect == Effect::Forbid => Err(format!(
            "rule {} may be named but reads context.{fact}: naming it would tell about the person",
            rule.id
        )),
        _ => Ok(rule),
    }
}

/// What a policy mentions, from its JSON form.
#[derive(Default)]
struct Found {
    literals: Vec<String>,
    attributes: Vec<String>,
    actions: Vec<String>,
}

impl Found {
    fn walk(&mut self, json: &serde_json::Value) {
        match json {
            serde_json::Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            serde_json::Value::Object(map) => {
                if let Some(serde_json::Value::String(text)) = map.get("Value") {
                    self.literals.push(text.clone());
                }
                if let Some(serde_json::Value::String(attribute)) = map.get("attr") {
                    self.attributes.push(attribute.clone());
                }
                if let (Some("Action"), Some(id)) = (text(map, "type"), text(map, "id")) {
                    self.actions.push(id.to_owned());
                }
                map.values().for_each(|value| self.walk(value));
            }
            _ => {}
        }
    }
}

fn text<'a>(map: &'a serde_json::Map<String, serde_json::Value>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}

/// Rules that gave or closed something, collected over the classes of one
/// question and told once each, in the order of the files.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) classes: Klasser,
    pub(super) permits: Vec<usize>,
    pub(super) forbids: Vec<usize>,
}

impl Trail {
    pub(super) fn told(rules: &Rules, positions: &[usize]) -> Vec<RuleId> {
        let mut sorted = positions.to_vec();
        sorted.sort_unstable();
        let mut told: Vec<RuleId> = Vec::new();
        for rule in sorted.into_iter().filter_map(|at| rules.get(at)) {
            if !told.contains(&rule.rule) {
                told.push(Arc::clone(&rule.rule));
            }
        }
        told
    }
}
