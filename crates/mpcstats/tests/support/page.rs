//! A page of the docs as a script.

/// One thing to do.
pub enum Step {
    Run {
        on: Vec<String>,
        times: u32,
        script: String,
    },
    Serve {
        on: Vec<String>,
        command: String,
    },
    Copy {
        from: String,
        files: Vec<String>,
        to: String,
    },
    /// Starts the containers of these profiles.
    Up(Vec<String>),
    Cut(String),
    Mend(String),
}

/// The steps of a page, in order.
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(profiles) = comment(line, "up") {
            steps.push(Step::Up(profiles.split(' ').map(ToOwned::to_owned).collect()));
        } else if let Some(files) = comment(line, "copy") {
            steps.push(copy(&format!("copy {files}")));
        } else if let Some(host) = comment(line, "cut") {
            steps.push(Step::Cut(host));
        } else if let Some(host) = comment(line, "mend") {
            steps.push(Step::Mend(host));
        } else if let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            block(info, &body, &mut steps);
        }
    }
    steps
}

fn comment(line: &str, word: &str) -> Option<String> {
    let inside = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    Some(inside.strip_prefix(word)?.trim().to_owned())
}

fn block(info: &str, body: &[&str], steps: &mut Vec<Step>) {
    let words: Vec<&str> = info.split(' ').collect();
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    if words == ["sh", "copies"] {
        steps.extend(body.iter().map(|line| copy(line)));
    } else if let Some(on) = value("on") {
        let on = on.split(',').map(ToOwned::to_owned).collect();
        let script = body.join("\n");
        steps.push(if words.contains(&"serves") {
            Step::Serve { on, command: script }
        } else {
            let times = value("times").map_or(1, |times| times.parse().unwrap());
            Step::Run { on, times, script }
        });
    }
}

/// `scp host:file host:file host:`
fn copy(line: &str) -> Step {
    let words: Vec<(&str, &str)> =
        line.split(' ').skip(1).map(|word| word.split_once(':').expect("host:file")).collect();
    let ((to, _), files) = words.split_last().expect("from and to");
    let from = files[0].0.to_owned();
    assert!(files.iter().all(|(host, _)| *host == from), "one host at a time: {line}");
    Step::Copy {
        from,
        files: files.iter().map(|(_, file)| (*file).to_owned()).collect(),
        to: (*to).to_owned(),
    }
}

/// Who talks to whom: the page's table whose head says `from` and `to`.
pub fn connections(page: &str) -> Vec<(String, String)> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| from | to |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let hosts = |cell: &str| cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<_>>();
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let (from, to) = (hosts(cells[1]), hosts(cells[2]));
        from.into_iter().flat_map(move |from| to.clone().into_iter().map(move |to| (from.clone(), to)))
    })
    .filter(|(from, to)| from != to)
    .collect()
}
