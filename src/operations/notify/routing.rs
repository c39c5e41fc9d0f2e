//! Receivers and routes together: who is told of a notice.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::notice::Notice;
use super::receiver::Receiver;
use super::route::Route;
use crate::common::secrets::Secret;
use crate::operations::Severity;

/// What is done with an event of nearset's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is not told.
    Off,
    /// It matters so much.
    As(Severity),
}

/// Who is told of what.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// Where it is from, for people: a file, or settings.
    pub origin: String,
    /// Who can be told.
    pub receivers: Vec<Receiver>,
    /// The routes, in their order; without any, everybody is told of everything.
    pub routes: Vec<Route>,
    /// What is done with events of nearset's own that are not told as they come.
    pub events: BTreeMap<String, Choice>,
    /// How long what is wrong must have been so before it is told, where that is not the usual time.
    pub patience: BTreeMap<String, TimeDelta>,
    /// The server that is looked at; that of LISTEN, where one answers there, without.
    pub server: Option<String>,
    /// What whoever posts to the gateway must bring along.
    pub token: Option<Secret>,
}

impl Routing {
    /// The routes that take a notice. One that names a receiver or a route is that one's; others go by what the routes ask for.
    pub fn routes_of(&self, notice: &Notice) -> Vec<Route> {
        let wanted = notice.wanted.as_str();
        if let Some(named) = self.routes.iter().find(|route| !wanted.is_empty() && route.name == wanted) {
            return vec![named.clone()];
        }
        if let Some(receiver) = self.receivers.iter().position(|receiver| receiver.name == wanted) {
            return vec![Route { to: vec![receiver], ..Route::default() }];
        }
        if self.routes.is_empty() {
            return vec![Route { to: (0..self.receivers.len()).collect(), ..Route::default() }];
        }
        let mut taken = Vec::new();
        for route in self.routes.iter().filter(|route| route.takes(notice)) {
            taken.push(route.clone());
            if !route.goes_on {
                break;
            }
        }
        taken
    }

    /// Whether some notices are told to nobody.
    pub fn has_gaps(&self) -> bool {
        let takes_all = |route: &Route| {
            route.alerts.is_empty()
                && route.severities.is_empty()
                && route.sources.is_empty()
                && route.labels.is_empty()
        };
        !self.routes.is_empty() && !self.routes.iter().any(takes_all)
    }
}
