//! Regular expressions over long texts, in steps that can be ended.
//!
//! The crate `regex` takes time in proportion to the expression's size times the text's, in one call: seconds for what is let
//! through, over a megabyte. Here its parts are run one by one: first the automaton that learns its states as it goes and
//! gives up where it learns too many, then one that carries all states along, byte by byte, and looks at the clock.

use super::clock::{OutOfTime, Steps};
use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// A compiled expression.
pub(super) struct Automaton {
    nfa: NFA,
    /// None where it could not be built.
    dfa: Option<DFA>,
}

impl Automaton {
    /// Of an expression that `regex` takes, too, and at most so many bytes.
    pub(super) fn new(pattern: &str, insensitive: bool, size: usize) -> Option<Self> {
        let syntax = syntax::Config::new().case_insensitive(insensitive);
        let nfa = NFA::compiler()
            .syntax(syntax)
            .configure(
                NFA::config()
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(size)),
            )
            .build(pattern)
            .ok()?;
        // To learn a state costs a look at each state of the expression: it has to pay.
        let config = DFA::config()
            .unicode_word_boundary(true)
            .minimum_cache_clear_count(Some(1))
            .minimum_bytes_per_state(Some(10 + nfa.states().len() / 4));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa.clone()).ok();
        Some(Self { nfa, dfa })
    }

    /// Whether it is found in a text.
    pub(super) fn is_match(&self, text: &str, steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
        if let Some(dfa) = &self.dfa {
            let mut cache = dfa.create_cache();
            let input = Input::new(text).anchored(Anchored::No).earliest(true);
            if let Ok(found) = dfa.try_search_fwd(&mut cache, &input) {
                return Ok(found.is_some());
            }
        }
        Walk::new(&self.nfa).run(text.as_bytes(), steps)
    }
}

/// All states that the automaton is in.
struct Walk<'a> {
    nfa: &'a NFA,
    /// States that wait for a byte.
    current: Vec<StateID>,
    next: Vec<StateID>,
    /// For each state the place at which it was entered last, counted from 1.
    entered: Vec<usize>,
    /// States to be entered at the same place.
    waiting: Vec<StateID>,
}

impl<'a> Walk<'a> {
    fn new(nfa: &'a NFA) -> Self {
        Self {
            nfa,
            current: Vec::new(),
            next: Vec::new(),
            entered: vec![0; nfa.states().len()],
            waiting: Vec::new(),
        }
    }

    fn run(mut self, text: &[u8], steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
        // It begins anew at every place by itself.
        if self.enter(self.nfa.start_unanchored(), text, 0, steps)? {
            return Ok(true);
        }
        for (at, byte) in text.iter().enumerate() {
            self.current.clear();
            std::mem::swap(&mut self.current, &mut self.next);
            for index in 0..self.current.len() {
                steps.step()?;
                let followed = match self.nfa.state(self.current[index]) {
                    State::ByteRange { trans } => trans.matches_byte(*byte).then_some(trans.next),
                    State::Sparse(transitions) => transitions.matches_byte(*byte),
                    State::Dense(transitions) => transitions.matches_byte(*byte),
                    _ => None,
                };
                if let Some(state) = followed
                    && self.enter(state, text, at + 1, steps)?
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Enters a state, and all that it leads to without a byte; whether the end of the expression is among them.
    fn enter(&mut self, state: StateID, text: &[u8], at: usize, steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
        self.waiting.push(state);
        while let Some(state) = self.waiting.pop() {
            if std::mem::replace(&mut self.entered[state.as_usize()], at + 1) == at + 1 {
                continue;
            }
            steps.step()?;
            match self.nfa.state(state) {
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => self.next.push(state),
                State::Look { look, next } => {
                    if self.nfa.look_matcher().matches(*look, text, at) {
                        self.waiting.push(*next);
                    }
                }
                State::Union { alternates } => self.waiting.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => self.waiting.extend([*alt1, *alt2]),
                State::Capture { next, .. } => self.waiting.push(*next),
                State::Fail => {}
                State::Match { .. } => return Ok(true),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::sqlite::clock::Clock;
    use std::time::{Duration, Instant};

    fn found(pattern: &str, text: &str) -> [bool; 2] {
        let clock = Clock::new();
        let automaton = Automaton::new(pattern, false, 1 << 20).expect("an expression");
        let mut steps = Steps::new(&clock);
        let walked = Walk::new(&automaton.nfa).run(text.as_bytes(), &mut steps);
        [automaton.is_match(text, &mut steps), walked].map(|found| found.expect("in time"))
    }

    #[test]
    fn words_and_edges() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("^$", "a", false),
            ("\\bé\\b", "a é b", true),
            ("\\bé\\b", "aéb", false),
            ("(?m)^b$", "a\nb\nc", true),
            ("a|bc+$", "xbccc", true),
            ("[^a]", "aaa", false),
            ("\\B", "", true),
        ] {
            assert_eq!(found(pattern, text), [wanted; 2], "{pattern} {text}");
        }
    }

    #[test]
    fn what_takes_long_is_ended() {
        let pattern = "a[ab]{255}[ab]{255}[ab]{255}[ab]{255}[ab]{255}[ab]{255}c";
        let automaton = Automaton::new(pattern, false, 1 << 20).expect("an expression");
        let mut seed = 1_u32;
        let letters = (0..1_000_000).map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 31 == 0 { 'a' } else { 'b' }
        });
        let text: String = letters.collect();
        let clock = Clock::new();
        let begin = Instant::now();
        clock.set(begin + Duration::from_millis(50));
        assert_eq!(automaton.is_match(&text, &mut Steps::new(&clock)), Err(OutOfTime));
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}");
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_regex(pattern in "[ab.|*+?()^$é]{0,10}|([ab]|\\\\b|\\\\B|\\\\w|é){0,6}", text in "[ab é]{0,12}") {
            if let Ok(regex) = regex::Regex::new(&pattern) {
                proptest::prop_assert_eq!(found(&pattern, &text), [regex.is_match(&text); 2]);
            }
        }
    }
}
