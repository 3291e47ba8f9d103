//! Which server knows which build by its name, so that a build travels once and not with every call; and the builds
//! themselves, for servers that forgot them.

use std::collections::VecDeque;

use super::Build;

/// Most builds that are remembered: an optimizer has one or two, and a build may have some megabytes.
const BUILDS_MAX: usize = 8;

/// What is known of builds and their names. Pure.
#[derive(Debug)]
pub(super) struct Bases {
    /// Builds with their names, the newest last.
    builds: VecDeque<(String, Build)>,
    /// For each endpoint the names that it gave, the newest last.
    named: Vec<VecDeque<String>>,
}

impl Bases {
    pub(super) fn new(endpoints: usize) -> Self {
        Self { builds: VecDeque::new(), named: vec![VecDeque::new(); endpoints] }
    }

    /// How that endpoint is told of that build: by its name, if it gave it one.
    pub(super) fn form(&self, endpoint: usize, build: &Build) -> Build {
        let known = self.builds.iter().find(|(id, text)| text == build || is_named(build, id));
        let Some((id, text)) = known else { return build.clone() };
        if self.named[endpoint].contains(id) { Build::Id(id.clone()) } else { text.clone() }
    }

    /// The endpoint has that build, and this is its name.
    pub(super) fn learn(&mut self, endpoint: usize, build: &Build, id: &str) {
        if !self.builds.iter().any(|(known, _)| known == id) && !matches!(build, Build::Id(_)) {
            push(&mut self.builds, (id.to_owned(), build.clone()));
        }
        if !self.named[endpoint].iter().any(|known| known == id) {
            push(&mut self.named[endpoint], id.to_owned());
        }
    }

    /// The endpoint no longer has what it was told of by a name. Whether the build can be sent to it instead.
    pub(super) fn forget(&mut self, endpoint: usize, build: &Build) -> bool {
        let Build::Id(told) = self.form(endpoint, build) else { return false };
        self.named[endpoint].retain(|id| *id != told);
        self.builds.iter().any(|(id, _)| *id == told)
    }
}

fn is_named(build: &Build, id: &str) -> bool {
    matches!(build, Build::Id(name) if name == id)
}

fn push<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() == BUILDS_MAX {
        list.pop_front();
    }
    list.push_back(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(text: &str) -> Build {
        Build::Xml(text.to_owned())
    }

    fn id(text: &str) -> Build {
        Build::Id(text.to_owned())
    }

    #[test]
    fn a_build_travels_once_to_each_endpoint() {
        let mut bases = Bases::new(2);
        assert_eq!(bases.form(0, &xml("a")), xml("a"));
        bases.learn(0, &xml("a"), "1");
        assert_eq!(bases.form(0, &xml("a")), id("1"));
        assert_eq!(bases.form(1, &xml("a")), xml("a"));
        assert_eq!(bases.form(0, &xml("b")), xml("b"));
    }

    #[test]
    fn a_name_stands_for_its_build_where_it_means_nothing() {
        let mut bases = Bases::new(2);
        bases.learn(0, &xml("a"), "1");
        assert_eq!((bases.form(0, &id("1")), bases.form(1, &id("1"))), (id("1"), xml("a")));
        assert_eq!(bases.form(1, &id("2")), id("2"));
    }

    #[test]
    fn what_a_server_forgot_is_sent_again_if_it_is_still_there() {
        let mut bases = Bases::new(1);
        bases.learn(0, &xml("a"), "1");
        assert!(bases.forget(0, &id("1")));
        assert_eq!(bases.form(0, &id("1")), xml("a"));
        assert!(!bases.forget(0, &id("1")), "it was told of the build itself");
        assert!(!bases.forget(0, &id("2")), "nobody has it");
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut bases = Bases::new(1);
        for number in 0..=BUILDS_MAX {
            bases.learn(0, &xml(&number.to_string()), &format!("id {number}"));
        }
        assert_eq!(bases.form(0, &xml("0")), xml("0"));
        assert_eq!(bases.form(0, &xml("1")), id("id 1"));
    }
}
