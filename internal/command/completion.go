package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help says how the scripts are loaded.
func (completionCommand) Help() string {
	return "Load it in bash with: source <(roster completion bash); in zsh with: source <(roster completion zsh), after compinit; " +
		"in fish with: roster completion fish | source."
}

// Run prints the script. It is made from the commands themselves, so it knows every flag.
func (c *completionCommand) Run(p *program) error {
	write := map[string]func(io.Writer, []completed) error{"bash": completeBash, "zsh": completeZsh, "fish": completeFish}[c.Shell]
	return write(p.stdout, completedCommands(p.model))
}

// completed is a command as completion sees it.
type completed struct {
	name, help string
	words      []string // values of its argument
	flags      []completedFlag
}

type completedFlag struct {
	name, help string
	values     []string // to choose from; empty for free text
	takesValue bool
	takesPath  bool
}

func completedCommands(app *kong.Application) []completed {
	var out []completed
	for _, node := range app.Children {
		c := completed{name: node.Name, help: firstSentence(node.Help)}
		for _, arg := range node.Positional {
			c.words = append(c.words, arg.EnumSlice()...)
		}
		flags := node.Flags
		seen := map[string]bool{}
		for _, part := range node.Children { // a command of a command completes as a word
			c.words = append(c.words, part.Name)
			flags = append(flags, part.Flags...)
		}
		for _, flag := range flags {
			if seen[flag.Name] {
				continue
			}
			seen[flag.Name] = true
			f := completedFlag{name: "--" + flag.Name, help: firstSentence(flag.Help), takesValue: !flag.IsBool()}
			if flag.Enum != "" {
				f.values = flag.EnumSlice()
			}
			f.takesPath = flag.PlaceHolder == "FILE" || flag.PlaceHolder == "FOLDER"
			c.flags = append(c.flags, f)
		}
		out = append(out, c)
	}
	return out
}

func firstSentence(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	sentence, _, _ = strings.Cut(sentence, ": ")
	return strings.TrimSuffix(sentence, ".")
}

func names(commands []completed) string {
	out := make([]string, len(commands))
	for i, c := range commands {
		out[i] = c.name
	}
	return strings.Join(out, " ")
}

func completeBash(w io.Writer, commands []completed) error {
	var b strings.Builder
	fmt.Fprintf(&b, `_roster() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "%s --help" -- "$word"))
		return
	fi
	case "${COMP_WORDS[1]} $before" in
`, names(commands))
	for _, c := range commands {
		for _, f := range c.flags {
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(&b, "\t\"%s %s\") COMPREPLY=($(compgen -W \"%s\" -- \"$word\")); return ;;\n", c.name, f.name, strings.Join(f.values, " "))
			case f.takesPath:
				fmt.Fprintf(&b, "\t\"%s %s\") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", c.name, f.name)
			case f.takesValue:
				fmt.Fprintf(&b, "\t\"%s %s\") return ;;\n", c.name, f.name)
			}
		}
	}
	b.WriteString("\tesac\n\tcase \"${COMP_WORDS[1]}\" in\n")
	for _, c := range commands {
		words := append([]string{}, c.words...)
		for _, f := range c.flags {
			words = append(words, f.name)
		}
		fmt.Fprintf(&b, "\t%s) COMPREPLY=($(compgen -W \"%s\" -- \"$word\")) ;;\n", c.name, strings.Join(words, " "))
	}
	b.WriteString("\tesac\n}\ncomplete -F _roster roster\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func completeZsh(w io.Writer, commands []completed) error {
	var b strings.Builder
	b.WriteString("#compdef roster\n_roster() {\n\tlocal -a commands\n\tcommands=(\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "\t\t%s\n", shellQuote(c.name+":"+c.help))
	}
	b.WriteString("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase $words[2] in\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments '1: :'", c.name)
		if len(c.words) > 0 {
			fmt.Fprintf(&b, " '2: :(%s)'", strings.Join(c.words, " "))
		}
		for _, f := range c.flags {
			fmt.Fprintf(&b, " \\\n\t\t\t%s", shellQuote(zshFlag(f)))
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\ncompdef _roster roster\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func zshFlag(f completedFlag) string {
	spec := f.name
	if f.takesValue {
		spec += "="
	}
	spec += "[" + strings.NewReplacer("[", "(", "]", ")", ":", " ").Replace(f.help) + "]"
	switch {
	case len(f.values) > 0:
		spec += ":value:(" + strings.Join(f.values, " ") + ")"
	case f.takesPath:
		spec += ":path:_files"
	case f.takesValue:
		spec += ":value:"
	}
	return spec
}

func completeFish(w io.Writer, commands []completed) error {
	var b strings.Builder
	b.WriteString("complete -c roster -f\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "complete -c roster -n __fish_use_subcommand -a %s -d %s\n", c.name, shellQuote(c.help))
		in := shellQuote("__fish_seen_subcommand_from " + c.name)
		if len(c.words) > 0 {
			fmt.Fprintf(&b, "complete -c roster -n %s -a %s\n", in, shellQuote(strings.Join(c.words, " ")))
		}
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c roster -n %s -l %s -d %s", in, strings.TrimPrefix(f.name, "--"), shellQuote(f.help))
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(&b, " -x -a %s", shellQuote(strings.Join(f.values, " ")))
			case f.takesPath:
				b.WriteString(" -r -F")
			case f.takesValue:
				b.WriteString(" -x")
			}
			b.WriteString("\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shellQuote puts a text in single quotes, as every shell knows them; quotes inside are left out.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", "") + "'" }
