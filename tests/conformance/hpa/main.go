// Reads cases from standard input, one a line, and answers each with a line: what the real controller decides.
package main

import (
	"bufio"
	"log"
	"os"

	"foresail.dev/demo/cluster/podautoscaler"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		answer, err := podautoscaler.Evaluate(in.Bytes())
		if err != nil {
			log.Fatalf("%v in %s", err, in.Text())
		}
		out.Write(append(answer, '\n'))
	}
}
