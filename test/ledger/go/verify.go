// Command verify checks a log with Go's own packages, golang.org/x/mod/sumdb/note and tlog, and nothing of Pawl.
//
//	verify [-old FILE] [-proofs FILE] [-no-entries] BASE VKEY
//
// BASE is a directory or an http(s) URL with checkpoint, tile/<level>/<index>[.p/<width>] and tile/entries/<index>[.p/<width>].
// It opens the checkpoint with the verifier key, authenticates every tile against its root, proves every entry to be in the
// tree, and checks that trees of smaller sizes begin it. -old names an earlier checkpoint that must begin it too; -proofs
// names a JSON file of proofs that somebody else made for this tree.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "verify: "+format+"\n", args...)
	os.Exit(1)
}

func check(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func fetch(base, path string) ([]byte, error) {
	if !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return os.ReadFile(filepath.Join(base, filepath.FromSlash(path)))
	}
	response, err := http.Get(strings.TrimSuffix(base, "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// openTree reads a checkpoint: origin, size, root.
func openTree(signed []byte, verifier note.Verifier) (tlog.Tree, string) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err, "opening the checkpoint")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		fail("the checkpoint has %d lines instead of 3", len(lines)-1)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "the size")
	root, err := base64.StdEncoding.DecodeString(lines[2])
	check(err, "the root")
	if len(root) != tlog.HashSize {
		fail("the root has %d bytes", len(root))
	}
	var hash tlog.Hash
	copy(hash[:], root)
	return tlog.Tree{N: size, Hash: hash}, lines[0]
}

// tiles reads tiles of the C2SP layout, whose paths leave out the height.
type tiles struct {
	base string
	seen map[tlog.Tile][]byte
}

func (t *tiles) Height() int                         { return height }
func (t *tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t *tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(list))
	for i, tile := range list {
		if t.seen[tile] == nil {
			path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
			bytes, err := fetch(t.base, path)
			if err != nil {
				return nil, err
			}
			t.seen[tile] = bytes
		}
		data[i] = t.seen[tile]
	}
	return data, nil
}

// entries reads a bundle: each entry behind its length in two bytes.
func entries(base string, index int64, count int) [][]byte {
	tile := tlog.Tile{H: height, L: -1, N: index, W: count}
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/data/", height), "tile/entries/", 1)
	rest, err := fetch(base, path)
	check(err, path)
	var list [][]byte
	for len(rest) > 0 {
		if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
			fail("%s is cut off", path)
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		list = append(list, rest[2:end])
		rest = rest[end:]
	}
	if len(list) != count {
		fail("%s has %d entries instead of %d", path, len(list), count)
	}
	return list
}

func checkEntries(base string, tree tlog.Tree, hashes tlog.HashReader) {
	for first := int64(0); first < tree.N; first += width {
		count := int(tree.N - first)
		if count > width {
			count = width
		}
		for i, entry := range entries(base, first/width, count) {
			index := first + int64(i)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			check(err, fmt.Sprintf("proving entry %d", index))
			check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)), fmt.Sprintf("entry %d", index))
		}
	}
}

func checkPrefix(tree tlog.Tree, size int64, root tlog.Hash, hashes tlog.HashReader) {
	proof, err := tlog.ProveTree(tree.N, size, hashes)
	check(err, fmt.Sprintf("proving size %d", size))
	check(tlog.CheckTree(proof, tree.N, tree.Hash, size, root), fmt.Sprintf("size %d", size))
}

// proofs of somebody else, each hash in base64 as tlog.Hash has it in JSON.
type proofs struct {
	Inclusion []struct {
		Index int64
		Leaf  tlog.Hash
		Proof tlog.RecordProof
	}
	Consistency []struct {
		Size  int64
		Root  tlog.Hash
		Proof tlog.TreeProof
	}
}

func checkProofs(path string, tree tlog.Tree) (int, int) {
	text, err := os.ReadFile(path)
	check(err, path)
	var list proofs
	check(json.Unmarshal(text, &list), path)
	for _, p := range list.Inclusion {
		check(tlog.CheckRecord(p.Proof, tree.N, tree.Hash, p.Index, p.Leaf), fmt.Sprintf("the given proof of entry %d", p.Index))
	}
	for _, p := range list.Consistency {
		check(tlog.CheckTree(p.Proof, tree.N, tree.Hash, p.Size, p.Root), fmt.Sprintf("the given proof of size %d", p.Size))
	}
	return len(list.Inclusion), len(list.Consistency)
}

func main() {
	old := flag.String("old", "", "an earlier checkpoint of the same log")
	given := flag.String("proofs", "", "a JSON file of proofs to check")
	noEntries := flag.Bool("no-entries", false, "check tiles only")
	flag.Parse()
	if flag.NArg() != 2 {
		fail("usage: verify [-old FILE] [-proofs FILE] [-no-entries] BASE VKEY")
	}
	base := flag.Arg(0)
	verifier, err := note.NewVerifier(flag.Arg(1))
	check(err, "the verifier key")
	signed, err := fetch(base, "checkpoint")
	check(err, "checkpoint")
	tree, origin := openTree(signed, verifier)
	// TileHashReader checks every tile against the root before it hands out a hash of it.
	hashes := tlog.TileHashReader(tree, &tiles{base, map[tlog.Tile][]byte{}})
	if tree.N > 0 && !*noEntries {
		checkEntries(base, tree, hashes)
	}
	step := tree.N/64 + 1
	for size := int64(1); size <= tree.N; size += step {
		root, err := tlog.TreeHash(size, hashes)
		check(err, fmt.Sprintf("the root of size %d", size))
		checkPrefix(tree, size, root, hashes)
	}
	if *old != "" {
		signed, err := os.ReadFile(*old)
		check(err, *old)
		earlier, name := openTree(signed, verifier)
		if name != origin {
			fail("%s is of the log %s", *old, name)
		}
		checkPrefix(tree, earlier.N, earlier.Hash, hashes)
	}
	included, consistent := 0, 0
	if *given != "" {
		included, consistent = checkProofs(*given, tree)
	}
	fmt.Printf("%s: %d entries verified, %d inclusion and %d consistency proofs of others\n", origin, tree.N, included, consistent)
}
