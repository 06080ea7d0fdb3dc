//! Bytes of any kind for everything that reads what others wrote: documents, query strings, rules, cursors.
//!
//! A target is a function over bytes; it panics where an invariant does not hold, so any fuzzing engine can drive it. The
//! loop here needs none: it changes seeds at random, with words of each target's language. A short run of each stands
//! among the tests; a long one is `DIGLOT_FUZZ_SECONDS=180 cargo test --test it fuzz::` (one target: `fuzz::cursor`),
//! with a new seed, or that of `DIGLOT_FUZZ_SEED`. Bytes that fail are printed and belong into `seeds`.

mod seeds;
mod stage;
mod targets;

use crate::properties::number;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// What is fuzzed: a name, its function, texts that it takes, words of its language.
struct Target {
    name: &'static str,
    /// Whether it took them.
    run: fn(&[u8]) -> bool,
    seeds: &'static [&'static str],
    words: &'static [&'static str],
}

/// Runs of a target among the tests; the time bounds them on a slow machine.
const SHORT: (u32, Duration) = (4000, Duration::from_secs(4));

/// Longest input: beyond it only limits of size are tried.
const LONGEST: usize = 4000;

/// Texts that are kept to be changed further.
const MOST_KEPT: usize = 300;

fn fuzz(target: &Target) {
    let seconds = number("DIGLOT_FUZZ_SECONDS");
    let seed = number("DIGLOT_FUZZ_SEED").unwrap_or(if seconds.is_some() { rand::rng().random() } else { 1 });
    let (most, limit) = seconds.map_or(SHORT, |seconds| (u32::MAX, Duration::from_secs(seconds)));
    if seconds.is_some() {
        println!("{}: DIGLOT_FUZZ_SEED={seed}", target.name);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let refused: Vec<&str> = target
        .seeds
        .iter()
        .copied()
        .filter(|seed| !run(target, seed.as_bytes()))
        .collect();
    assert!(
        refused.len() < target.seeds.len(),
        "{} takes none of its seeds",
        target.name
    );
    if seconds.is_some() {
        println!("{}: seeds that are refused: {refused:#?}", target.name);
    }
    // What is taken is changed further, so that runs get beyond the first mistake.
    let mut texts: Vec<Vec<u8>> = target.seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    let mut taken = target.seeds.len() - refused.len();
    let begin = Instant::now();
    let mut runs = 0;
    while runs < most && begin.elapsed() < limit {
        let bytes = changed(target, &texts, &mut random);
        if run(target, &bytes) {
            taken += 1;
            if texts.len() < MOST_KEPT {
                texts.push(bytes);
            } else {
                let place = random.random_range(target.seeds.len()..MOST_KEPT);
                texts[place] = bytes;
            }
        }
        runs += 1;
    }
    println!(
        "{}: {runs} runs in {:.1} s, {taken} taken",
        target.name,
        begin.elapsed().as_secs_f32()
    );
}

fn run(target: &Target, bytes: &[u8]) -> bool {
    let begin = Instant::now();
    let taken = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).unwrap_or_else(|panic| {
        println!("{} fails on {:?}", target.name, String::from_utf8_lossy(bytes));
        resume_unwind(panic)
    });
    let took = begin.elapsed();
    assert!(
        took < Duration::from_secs(5),
        "{} took {took:?} on {:?}",
        target.name,
        String::from_utf8_lossy(bytes)
    );
    taken
}

/// A seed, or two of them, with some changes.
fn changed(target: &Target, texts: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let seed = |random: &mut StdRng| texts.choose(random).cloned().unwrap_or_default();
    let mut bytes = seed(random);
    for _ in 0..*[1, 1, 1, 2, 2, 3, 4, 8].choose(random).unwrap() {
        let place = random.random_range(0..=bytes.len());
        let end = (place + random.random_range(1..12)).min(bytes.len());
        match random.random_range(0..9) {
            0..3 => {
                if let Some(word) = target.words.choose(random) {
                    bytes.splice(place..place, word.bytes());
                }
            }
            3 => drop(bytes.drain(place..end)),
            4 => {
                let part = bytes[place..end].to_vec();
                let times = random.random_range(1..40);
                bytes.splice(place..place, part.repeat(times));
            }
            5 => {
                if let Some(word) = target.words.choose(random) {
                    bytes.splice(place..end, word.bytes());
                }
            }
            6 => {
                let other = seed(random);
                let from = random.random_range(0..=other.len());
                bytes.splice(place.., other[from..].iter().copied());
            }
            7 => {
                let byte = *b"\0\x01 \"'\\%()[]{}<>,.:;$!*?+-_#&|=~^@0123456789aZ\xc3\xf0\xff"
                    .choose(random)
                    .unwrap();
                bytes.insert(place, byte);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

#[test]
fn graphql() {
    fuzz(&seeds::GRAPHQL);
}

#[test]
fn records() {
    fuzz(&seeds::RECORDS);
}

#[test]
fn based() {
    fuzz(&seeds::BASED);
}

#[test]
fn sql_rule() {
    fuzz(&seeds::SQL_RULE);
}

#[test]
fn expression_rule() {
    fuzz(&seeds::EXPRESSION_RULE);
}

#[test]
fn cursor() {
    fuzz(&seeds::CURSOR);
}
