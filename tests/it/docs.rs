//! Every command of the README and of the guide, run as it stands there, page by page.
//!
//! A `console` block holds `$ ` commands and what they say: `...` stands for anything, durations may differ, `# exits N`
//! is the exit code, `&` leaves a command running until its page ends. A block that begins with `# file: NAME`, or
//! stands below `<!-- file: NAME -->`, is written to that file first. Commands anywhere else are held to the options that
//! there are.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;

use crate::support::{crossfade, free_port, program, root, scratch};

/// Ports as the pages have them. Each becomes one that is free.
const PORTS: &[&str] = &["4000", "4001", "9100", "9123", "9124"];

/// The pages that people write.
fn pages() -> Vec<PathBuf> {
    let docs =
        fs::read_dir(root().join("docs")).expect("there is a guide").map(|entry| entry.expect("readable").path());
    let mut pages: Vec<_> = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// A block of code, or a line of text between blocks.
#[derive(Debug, Default)]
struct Block {
    file: Option<String>,
    language: String,
    line: usize,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fenced = false;
    for (at, line) in page.lines().enumerate() {
        let above = blocks.last().and_then(|block| block.text.strip_prefix("<!-- file: ")?.strip_suffix(" -->"));
        match line.trim_start().strip_prefix("```") {
            Some(language) if !fenced => {
                let (file, language) = (above.map(str::to_owned), language.to_owned());
                blocks.push(Block { file, language, line: at + 1, text: String::new() });
            }
            Some(_) => {}
            None if fenced => blocks.last_mut().expect("it is open").text.extend([line, "\n"]),
            None => blocks.push(Block { line: at + 1, text: line.to_owned(), ..Block::default() }),
        }
        fenced ^= line.trim_start().starts_with("```");
    }
    for block in blocks.iter_mut().filter(|block| block.file.is_none()) {
        block.file = block.text.lines().next().and_then(|first| first.strip_prefix("# file: ")).map(str::to_owned);
    }
    assert!(!fenced, "a block is never closed");
    blocks
}

/// A command with its exit code, and what it says.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    exit: i32,
    says: String,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, exit) = command.split_once("# exits ").unwrap_or((command, "0"));
            let exit = exit.trim().parse().expect("an exit code");
            steps.push(Step { command: command.trim().to_owned(), exit, says: String::new() });
        } else {
            steps.last_mut().expect("a block begins with a command").says.extend([line, "\n"]);
        }
    }
    steps
}

/// What a page shows, as a pattern of what may be said.
fn pattern(says: &str) -> Regex {
    let lines = says.lines().map(|line| match line {
        "..." => "(?:.*\n)*?".to_owned(),
        _ => regex::escape(line).replace(r"\.\.\.", ".*") + "\n",
    });
    let pattern = format!("^{}$", lines.collect::<String>());
    let durations = Regex::new(r"[0-9]+(?:\\.[0-9]+)? (m?s\b)").expect("a pattern");
    Regex::new(&durations.replace_all(&pattern, "[0-9.]+ $1")).expect("a pattern")
}

/// Programs that were left running, ended by their process ids.
struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Why a command cannot be run on this machine.
fn missing(command: &str, folder: &Path) -> Option<String> {
    let python = command.starts_with("python3") && Command::new("python3").arg("--version").output().is_err();
    let named = Regex::new("(?:--proxy|compare) ((?:litellm|portkey|nginx)\\S*)").expect("a pattern");
    let proxy = named.captures(command).map(|found| found[1].to_owned()).filter(|proxy| {
        let shown = crossfade(folder).args(["show", "proxies"]).output().expect("the binary starts");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let ready = [format!("  {proxy}: installed"), format!("  {proxy}: of the system")];
        !shown.lines().any(|line| ready.iter().any(|ready| line.starts_with(ready)))
    });
    python.then(|| "Python 3".to_owned()).or(proxy)
}

/// Runs one command to its end, or leaves it running once it listens on one of `ports`; gives what is wrong with it.
fn play(step: &Step, folder: &Path, ports: &[String], running: &mut Running) -> Result<(), String> {
    let (command, stays) = step.command.strip_suffix(" &").map_or((step.command.as_str(), false), |left| (left, true));
    let said = folder.join(".said");
    let file = || File::options().create(true).append(true).open(&said).expect("the scratch folder can be used");
    let read = || fs::read_to_string(&said).unwrap_or_default();
    let _ = fs::remove_file(&said);
    // What stays takes the shell's place, so that its process id is known.
    let bin = program().parent().expect("it is in a folder").display().to_string();
    let line = format!("PATH='{bin}':\"$PATH\"; {}{command}", if stays { "exec " } else { "" });
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(folder).env("NO_COLOR", "1");
    // The pages are for people: on CI no snapshot waits for a review, among others.
    for name in ["CI", "INSTA_UPDATE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "COLUMNS"] {
        shell.env_remove(name);
    }
    let child = shell.stdin(Stdio::null()).stdout(file()).stderr(file()).spawn().expect("there is a shell");
    let pattern = pattern(&step.says);
    if stays {
        running.0.push(child);
        let until = Instant::now() + Duration::from_secs(20);
        let port = command.split(' ').find(|word| ports.iter().any(|port| port == word)).unwrap_or("1");
        let listens = || TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
        while !(pattern.is_match(&read()) && listens()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    } else {
        let exit = child.wait_with_output().expect("it is ours").status.code();
        if exit != Some(step.exit) {
            return Err(format!("exit {exit:?}, not {}\n{}", step.exit, read()));
        }
    }
    let said = read();
    if pattern.is_match(&said) { Ok(()) } else { Err(format!("--- shown\n{}--- said\n{said}", step.says)) }
}

/// Plays a page; gives what is wrong with it, each with its line.
fn check(name: &str, page: &str) -> Vec<String> {
    let folder = scratch(&format!("docs-{name}"));
    let ports: Vec<String> = PORTS.iter().map(|_| free_port().to_string()).collect();
    let page = PORTS.iter().zip(&ports).fold(page.to_owned(), |page, (port, free)| page.replace(port, free));
    let required = std::env::var_os("CROSSFADE_TEST_PROXIES").is_some_and(|value| value == "required");
    let mut running = Running(Vec::new());
    let mut wrong = Vec::new();
    for block in blocks(&page) {
        if let Some(file) = &block.file {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the scratch folder can be used");
            fs::write(path, &block.text).expect("the scratch folder can be used");
        }
        if block.language != "console" {
            wrong.extend(unknown_options(&block.text, &folder).map(|why| format!("{name}:{}: {why}", block.line)));
            continue;
        }
        for step in steps(&block.text) {
            if let Some(what) = missing(&step.command, &folder) {
                assert!(!required, "{name}:{}: {what} is required", block.line);
                let line = format!("SKIPPED docs {name}:{}: `{}` needs {what}\n", block.line, step.command);
                let _ = std::io::stderr().write_all(line.as_bytes());
            } else if let Err(why) = play(&step, &folder, &ports, &mut running) {
                wrong.push(format!("{name}:{}: $ {}\n{why}", block.line, step.command));
            }
        }
    }
    wrong
}

/// Options of commands in text and in other blocks that their help does not have.
fn unknown_options(text: &str, folder: &Path) -> impl Iterator<Item = String> {
    let commands = Regex::new("(?:^|[`\\s])(crossfade ((?:proxy |cassette |report |rules )?[a-z]+)\\b[^`\n#]*)")
        .expect("a pattern");
    let option = Regex::new("\\s(--[a-z][a-z-]*)").expect("a pattern");
    let mut wrong = Vec::new();
    for found in commands.captures_iter(text).filter(|found| found[1].contains(" --") || found[0].starts_with('`')) {
        let help = crossfade(folder).args(found[2].split(' ')).arg("--help").output().expect("the binary starts");
        let text = String::from_utf8_lossy(&help.stdout);
        wrong.extend((!help.status.success()).then(|| format!("`{}`: there is no `{}`", &found[1], &found[2])));
        let options = option.captures_iter(&found[1]).filter(|option| !text.contains(&option[1]));
        wrong.extend(options.map(|option| format!("`{}`: no option is called `{}`", &found[1], &option[1])));
    }
    wrong.into_iter()
}

#[test]
fn every_command_of_the_guide_does_what_it_shows() {
    let play = |path: &PathBuf| {
        let below = path.strip_prefix(root()).expect("in the checkout").display().to_string();
        check(&below.replace('/', "-"), &fs::read_to_string(path).expect("pages are UTF-8"))
    };
    let pages = pages();
    assert!(pages.len() > 8, "the guide was not found");
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let playing: Vec<_> = pages.iter().map(|page| scope.spawn(move || play(page))).collect();
        playing.into_iter().flat_map(|page| page.join().expect("a page is played")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_page_that_is_wrong_fails() {
    let good =
        "```yaml\n# file: a.yaml\nlegs: {primary: }\n```\n```console\n$ crossfade lint a.yaml\n1 scenario ...\n```\n";
    assert_eq!(check("good", good), Vec::<String>::new());
    for (name, from, to, says) in [
        ("output", "1 scenario ...", "2 scenario ...", "--- said\n1 scenario file"),
        ("output-missing", "1 scenario ...", "1 scenario ...\nmore", "--- shown"),
        ("output-hidden", "1 scenario ...\n", "", "--- said\n1 scenario file"),
        ("exit", "a.yaml\n1", "a.yaml   # exits 3\n1", "exit Some(0), not 3"),
        ("file", "legs:", "lags:", "exit Some(3), not 0"),
        ("option", "```yaml", "`crossfade run --no-such-option`\n```yaml", "no option is called `--no-such-option`"),
        ("command", "```yaml", "`crossfade nothing`\n```yaml", "there is no `nothing`"),
    ] {
        let page = good.replace(from, to);
        assert_ne!(page, good, "{name}");
        let wrong = check(name, &page);
        assert!(wrong.len() == 1 && wrong[0].contains(says), "{name}: {wrong:#?}");
    }
}

#[test]
fn durations_and_dots_are_masked_and_nothing_else() {
    let pattern = pattern("a ... b; 0.4 s; 12 ms\n...\nend (4.2)\n");
    for (said, fits) in [
        ("a x b; 0.5 s; 9 ms\nend (4.2)\n", true),
        ("a  b; 10 s; 12 ms\nmore\nand more\nend (4.2)\n", true),
        ("a x b; 0.5 s; 9 s\nend (4.2)\n", false),
        ("a x b; 0.5 s; 9 ms\nend (4x2)\n", false),
        ("a x b; 0.5 s; 9 ms\nend (4.2)\nmore\n", false),
    ] {
        assert_eq!(pattern.is_match(said), fits, "{said}");
    }
}
