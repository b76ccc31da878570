// Command growth shows what single operations cost when a database grows: it fills a Postgres of
// its own with more and more messages and asks the service, over HTTP and over its sockets, as a
// client would. Medians of interleaved questions.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	sizes := flag.String("sizes", "100000,1000000", "numbers of messages, comma-separated, growing")
	asks := flag.Int("asks", 200, "how often each question is asked")
	page := flag.String("out", "", "page whose growth table is written (printed only)")
	flag.Parse()
	if err := run(context.Background(), *sizes, *asks, *page); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sizes string, asks int, page string) error {
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	var heads, weights []string
	figures := map[string][]string{}
	for _, s := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 100_000 {
			return fmt.Errorf("-sizes has %q: whole numbers from 100000 are needed", s)
		}
		fmt.Printf("filling up to %d messages\n", n)
		if err := w.fill(ctx, n); err != nil {
			return err
		}
		heads = append(heads, fmt.Sprintf("%d messages", n))
		weight, err := w.weight(ctx)
		if err != nil {
			return err
		}
		weights = append(weights, fmt.Sprintf("%.0f", weight))
		times, err := w.ask(ctx, asks)
		if err != nil {
			return err
		}
		for _, q := range questions {
			figures[q.name] = append(figures[q.name], fmt.Sprintf("%.1f", times[q.name]))
			fmt.Printf("  %-50s %8.1f ms\n", q.name, times[q.name])
		}
	}
	table := "| median ms | " + strings.Join(heads, " | ") + " |\n|---" + strings.Repeat("|---", len(heads)) + "|\n"
	for _, q := range questions {
		table += "| " + q.name + " | " + strings.Join(figures[q.name], " | ") + " |\n"
	}
	table += "| bytes in Postgres for each message, everything included | " + strings.Join(weights, " | ") + " |\n"
	fmt.Print("\n", table)
	if page == "" {
		return nil
	}
	return replace(page, table)
}

const begin, end = "<!-- growth: begin -->", "<!-- growth: end -->"

func replace(page, table string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return fmt.Errorf("%s has lost its marks %q and %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(head+begin+"\n"+table+end+tail), 0o644)
}
