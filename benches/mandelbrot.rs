//! A pure Lua kernel in a runtime's VM, with the compiler, memory and collector as they are when it evaluates; beside it
//! the same kernel in another program, in turn with ours; and in as many processes at once as there are processors.
//!
//! ```text
//! cargo bench --bench mandelbrot -- python3 bench/mandelbrot.py
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, reason = "what it found goes there")]

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use pobatch::runtime::{
    arena::{self, Arena},
    vm::{BootOptions, EngineKind, Vm},
};

/// As in the program itself.
#[global_allocator]
static ARENA: Arena = Arena;

/// Points on a side: those of the benchmark that Lupa's documentation shows.
const SIZE: &str = "1280";
/// Turns after which a point counts as bounded.
const TURNS: &str = "50";
/// Runs of a process, of which the median counts.
const REPEATS: &str = "7";
/// Rounds of ours and theirs, of which the median counts.
const ROUNDS: usize = 5;
/// The first argument of a process that runs the kernel.
const KERNEL: &str = "kernel";

fn main() {
    // Cargo says `--bench`, which we know.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some(KERNEL) => kernel(&words[1..]),
        _ => compare(&words),
    }
}

/// Runs the kernel in a VM as a shard's is, and prints what a rival prints.
fn kernel(words: &[String]) {
    let [size, turns, repeats] = words else { panic!("SIZE TURNS REPEATS") };
    let (size, turns): (u32, u32) = (size.parse().unwrap(), turns.parse().unwrap());
    arena::start().unwrap();
    let mut vm = Vm::new(EngineKind::Sample, None).unwrap();
    let source = include_str!("../bench/mandelbrot.lua");
    let kernel: mlua::Function = vm.run(Path::new("mandelbrot.lua"), source).unwrap();
    vm.boot(&BootOptions::default()).unwrap();
    vm.load_base(include_str!("../examples/witch.xml")).unwrap();
    vm.warm_up().unwrap();
    vm.stop_collector();

    let mut bounded = 0;
    let mut times = Vec::new();
    for _ in 0..repeats.parse().unwrap() {
        let started = Instant::now();
        bounded = kernel.call::<u32>((size, turns)).unwrap();
        times.push(started.elapsed().as_secs_f64());
    }
    println!("{bounded}\n{}", median(times));
}

/// Ours alone, theirs alone, ours on every processor; round after round.
fn compare(rival: &[String]) {
    let own = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let own = [own, KERNEL.to_owned()];
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut alone, mut theirs, mut together) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (bounded, seconds) = run(&own, 1)[0];
        alone.push(seconds);
        if !rival.is_empty() {
            let (bounded_there, seconds) = run(rival, 1)[0];
            assert_eq!(bounded, bounded_there, "the same kernel gives the same result");
            theirs.push(seconds);
        }
        let slowest = run(&own, processors).into_iter().map(|(_, seconds)| seconds).fold(0.0, f64::max);
        together.push(slowest);
    }
    let alone = median(alone);
    println!("| what | ms | ratio |\n| --- | ---: | ---: |");
    println!("| one VM of ours, {SIZE}×{SIZE} points | {:.1} | 1 |", alone * 1e3);
    if !theirs.is_empty() {
        let theirs = median(theirs);
        println!("| the other program | {:.1} | ours is {:.2} times as fast |", theirs * 1e3, theirs / alone);
    }
    let together = median(together);
    let times = processors as f64 * alone / together;
    println!(
        "| {processors} VMs of ours at once, the slowest | {:.1} | {times:.2} times the work of one |",
        together * 1e3
    );
}

/// That many such processes at once; of each the result and the seconds.
fn run(command: &[String], processes: usize) -> Vec<(u32, f64)> {
    let start = |_| {
        let mut command_line = Command::new(&command[0]);
        command_line.args(&command[1..]).args([SIZE, TURNS, REPEATS]).stdout(Stdio::piped());
        command_line.spawn().unwrap()
    };
    let running: Vec<_> = (0..processes).map(start).collect();
    let finish = |child: std::process::Child| {
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{command:?} failed");
        let output = String::from_utf8(ended.stdout).unwrap();
        let (result, seconds) = output.trim().split_once('\n').expect("two lines");
        (result.parse().unwrap(), seconds.parse().unwrap())
    };
    running.into_iter().map(finish).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
