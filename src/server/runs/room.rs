//! Places of turns: as many as the server allows at once, of which one user may take a share.
//!
//! Who asks for an answer now is refused where there is none; tasks wait. A place that is let go of is handed to a task,
//! if one waits, by turns among the users whose tasks do. Where there are two places or more, tasks never take all, however
//! many wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use tokio::sync::oneshot;

use super::locked;
use crate::{config::agent_file::Serve, server::auth::ANYBODY};

/// Turns at once, where the agent file does not say.
const CONCURRENCY: u32 = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    all: usize,
    of_user: usize,
    /// Of those who do not say who they are.
    of_anybody: usize,
    of_tasks: usize,
}

impl From<&Serve> for Places {
    /// One user may take half, where the agent file does not say. Callers who name nobody are one user; where there is no
    /// second token to be fair to, that says nothing of them, and they may take all. So may the one user that there is.
    fn from(serve: &Serve) -> Self {
        let all = serve.limits.concurrency.unwrap_or(CONCURRENCY) as usize;
        let given = serve.limits.per_user.map(|most| most as usize);
        let alone = matches!(&*serve.tokens, [only] if only.user.is_some());
        let of_user = given.unwrap_or(if alone { all } else { all.div_ceil(2) }).min(all);
        let told_apart = given.is_some() || serve.tokens.len() > 1;
        let of_anybody = if told_apart { of_user } else { all };
        Self { all, of_user, of_anybody, of_tasks: (all - all.div_ceil(4)).max(1) }
    }
}

impl Places {
    fn of(&self, user: &str) -> usize {
        if user == ANYBODY { self.of_anybody } else { self.of_user }
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// The server has none.
    Server,
    /// The user has his share.
    User,
    /// There will be none any more.
    Closed,
}

pub(super) struct Room {
    state: Mutex<State>,
}

struct State {
    places: Places,
    taken: usize,
    /// Of these.
    by_tasks: usize,
    by_user: HashMap<String, usize>,
    /// Never empty for a user.
    waiting: HashMap<String, VecDeque<oneshot::Sender<Seat>>>,
    /// The users who wait, whose turn it is first.
    turns: VecDeque<String>,
    closed: bool,
}

/// A place, until it is dropped.
pub(super) struct Seat {
    room: Arc<Room>,
    user: String,
    task: bool,
}

impl Room {
    pub(super) fn new(places: Places) -> Arc<Self> {
        let state = State {
            places,
            taken: 0,
            by_tasks: 0,
            by_user: HashMap::new(),
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            closed: false,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// There are more or fewer places from now on. Nobody loses the one he has.
    pub(super) fn adopt(self: &Arc<Self>, places: Places) {
        locked(&self.state).places = places;
        self.seat_waiting();
    }

    /// Nobody gets a place any more, and nobody waits for one.
    pub(super) fn close(&self) {
        let mut state = locked(&self.state);
        state.closed = true;
        state.turns.clear();
        state.waiting.clear();
    }

    /// A place now.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn take(self: &Arc<Self>, user: &str) -> Result<Seat, NoPlace> {
        locked(&self.state).take(user)?;
        Ok(Seat { room: Arc::clone(self), user: user.to_owned(), task: false })
    }

    /// A place for a task as soon as there is one; `None` where there will be none any more. Can be dropped at any point.
    pub(super) async fn wait(self: &Arc<Self>, user: &str) -> Option<Seat> {
        let seat = {
            let mut state = locked(&self.state);
            // Who came before is first.
            if !state.waiting.contains_key(user) && state.take_for_task(user) {
                drop(state);
                return Some(self.seat_of_task(user.to_owned()));
            }
            state.join(user)?
        };
        seat.await.ok()
    }

    fn seat_of_task(self: &Arc<Self>, user: String) -> Seat {
        Seat { room: Arc::clone(self), user, task: true }
    }

    fn seat_waiting(self: &Arc<Self>) {
        loop {
            let next = locked(&self.state).next();
            let Some((user, to)) = next else { return };
            // A seat that finds nobody lets go of its place.
            let _ = to.send(self.seat_of_task(user));
        }
    }
}

impl State {
    fn take(&mut self, user: &str) -> Result<(), NoPlace> {
        if self.closed {
            return Err(NoPlace::Closed);
        }
        let (share, has) = (self.places.of(user), self.by_user.get(user).copied().unwrap_or(0));
        if has >= share && share < self.places.all {
            return Err(NoPlace::User);
        }
        if self.taken >= self.places.all {
            return Err(NoPlace::Server);
        }
        self.taken += 1;
        *self.by_user.entry(user.to_owned()).or_default() += 1;
        Ok(())
    }

    fn take_for_task(&mut self, user: &str) -> bool {
        let may = self.by_tasks < self.places.of_tasks && self.take(user).is_ok();
        self.by_tasks += usize::from(may);
        may
    }

    fn join(&mut self, user: &str) -> Option<oneshot::Receiver<Seat>> {
        if self.closed {
            return None;
        }
        let (to, seat) = oneshot::channel();
        let line = self.waiting.entry(user.to_owned()).or_default();
        if line.is_empty() {
            self.turns.push_back(user.to_owned());
        }
        line.push_back(to);
        Some(seat)
    }

    /// Who gets the next place, which is then taken.
    fn next(&mut self) -> Option<(String, oneshot::Sender<Seat>)> {
        for _ in 0..self.turns.len() {
            let user = self.turns.pop_front()?;
            let line = self.waiting.get_mut(&user)?;
            // Those who gave up.
            while line.front().is_some_and(oneshot::Sender::is_closed) {
                line.pop_front();
            }
            if line.is_empty() {
                self.waiting.remove(&user);
                continue;
            }
            let next = if self.take_for_task(&user) { self.waiting.get_mut(&user)?.pop_front() } else { None };
            if self.waiting.get(&user).is_some_and(VecDeque::is_empty) {
                self.waiting.remove(&user);
            } else {
                self.turns.push_back(user.clone());
            }
            if let Some(to) = next {
                return Some((user, to));
            }
        }
        None
    }

    fn leave(&mut self, user: &str, task: bool) {
        self.taken -= 1;
        self.by_tasks -= usize::from(task);
        if let Some(has) = self.by_user.get_mut(user) {
            *has -= 1;
            if *has == 0 {
                self.by_user.remove(user);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        locked(&self.room.state).leave(&self.user, self.task);
        self.room.seat_waiting();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use serde_json::{Value, json};

    use super::*;

    fn room(limits: &Value) -> Arc<Room> {
        let serve: Serve = serde_json::from_value(json!({ "limits": limits })).unwrap();
        Room::new((&serve).into())
    }

    #[test]
    fn one_user_leaves_places_for_others() {
        let room = room(&json!({ "concurrency": 4 }));
        let ann: Vec<_> = (0..2).map(|_| room.take("ann").ok().unwrap()).collect();
        assert_eq!(room.take("ann").err(), Some(NoPlace::User));
        let bob: Vec<_> = (0..2).map(|_| room.take("bob").ok().unwrap()).collect();
        assert_eq!(room.take("cat").err(), Some(NoPlace::Server));
        drop((ann, bob));
        // Nobody can be told apart.
        let all: Vec<_> = (0..4).map(|_| room.take(ANYBODY).ok().unwrap()).collect();
        assert_eq!(room.take(ANYBODY).err(), Some(NoPlace::Server));
        drop(all);
        assert!(locked(&room.state).by_user.is_empty());
    }

    #[test]
    fn the_one_user_that_there_is_may_take_all() {
        let serve = |tokens: Value| -> Places {
            (&serde_json::from_value::<Serve>(json!({ "limits": { "concurrency": 4 }, "tokens": tokens })).unwrap())
                .into()
        };
        let of_ann = json!({ "name": "web", "value": "x", "user": "ann" });
        assert_eq!(serve(json!([of_ann])).of("ann"), 4);
        assert_eq!(serve(json!([{ "name": "web", "value": "x" }])).of("ann"), 2, "it may act for any");
        assert_eq!(serve(json!([of_ann, { "name": "cli", "value": "y", "user": "bob" }])).of("ann"), 2);
    }

    #[tokio::test]
    async fn tasks_leave_places_to_those_who_do_not_wait() {
        let room = room(&json!({ "concurrency": 4 }));
        let mut tasks = vec![];
        for _ in 0..3 {
            tasks.push(room.wait(ANYBODY).now_or_never().unwrap().unwrap());
        }
        let mut fourth = Box::pin(room.wait(ANYBODY));
        assert!((&mut fourth).now_or_never().is_none());
        drop(room.take(ANYBODY).ok().unwrap());
        assert!((&mut fourth).now_or_never().is_none());
        tasks.pop();
        assert!((&mut fourth).now_or_never().is_some());
        let of_tasks = |all: u32| {
            Places::from(&serde_json::from_value::<Serve>(json!({ "limits": { "concurrency": all } })).unwrap())
                .of_tasks
        };
        assert_eq!([1, 2, 3, 4, 5].map(of_tasks), [1, 1, 2, 3, 3]);
    }

    #[tokio::test]
    async fn tasks_get_the_places_that_others_leave_by_turns() {
        let room = room(&json!({ "concurrency": 3, "per_user": 1 }));
        let _one_that_tasks_leave = room.take("eve").ok().unwrap();
        let (ann, bob) = (room.take("ann").ok().unwrap(), room.take("bob").ok().unwrap());
        let users = ["ann", "ann", "bob", "cat", "dan"];
        let mut waiting: Vec<_> = users.iter().map(|user| Box::pin(room.wait(user))).collect();
        assert!(waiting.iter_mut().all(|seat| seat.now_or_never().is_none()));
        drop(ann);
        let anns = waiting[0].as_mut().now_or_never().unwrap().unwrap();
        // Bob would be next, and has his share; Cat has none.
        drop(anns);
        let cats = waiting[3].as_mut().now_or_never().unwrap().unwrap();
        // Dan is given the place, and is gone.
        drop(bob);
        drop(waiting.remove(4));
        let anns = waiting[1].as_mut().now_or_never().unwrap().unwrap();
        drop(cats);
        let bobs = waiting[2].as_mut().now_or_never().unwrap().unwrap();
        drop((anns, bobs));
        assert!(room.take("ann").is_ok());
        assert_eq!(locked(&room.state).by_user.len(), 1);
        assert!(locked(&room.state).turns.is_empty());
        room.close();
        assert!(room.wait("ann").await.is_none());
    }
}
