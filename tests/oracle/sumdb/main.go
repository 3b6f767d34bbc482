// SPDX-License-Identifier: Apache-2.0

// sumdb verifies a log folder with the reference implementation of the format's authors
// (golang.org/x/mod/sumdb): the checkpoint's signature, every record's inclusion, and every tree
// behind it against the last one. Arguments: the folder, then sizes and roots "size:base64" of
// older checkpoints. Prints "ok <entries>".
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tiles reads hash tiles of height 8 in the layout of C2SP tlog-tiles.
type tiles struct{ dir string }

func (t tiles) Height() int                                { return 8 }
func (t tiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, w := range wanted {
		// "tile/8/0/001.p/5" there is "tile/0/001.p/5" here.
		path := "tile/" + strings.TrimPrefix(w.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(t.dir, path))
		if errors.Is(err, os.ErrNotExist) && w.W < 256 {
			full := path[:strings.LastIndex(path, ".p/")]
			data, err = os.ReadFile(filepath.Join(t.dir, full))
			if err == nil {
				data = data[:w.W*tlog.HashSize]
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "sumdb:", err)
		os.Exit(1)
	}
}

// entries returns the records of bundle n, whose width is that of a tree of size.
func entries(dir string, n, size int64) [][]byte {
	tile := tlog.Tile{H: 8, L: 0, N: n, W: 256}
	if size-n*256 < 256 {
		tile.W = int(size - n*256)
	}
	path := "tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/0/")
	data, err := os.ReadFile(filepath.Join(dir, path))
	must(err)
	var list [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			must(errors.New(path + ": cut"))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		list = append(list, data[2:end])
		data = data[end:]
	}
	if len(list) != tile.W {
		must(fmt.Errorf("%s: %d entries, not %d", path, len(list), tile.W))
	}
	return list
}

func main() {
	dir := os.Args[1]
	vkey, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	must(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	must(err)
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err)
	n, err := note.Open(text, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		must(errors.New("the checkpoint's text is not origin, size and root"))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, tiles{dir})

	have, err := tlog.TreeHash(size, reader)
	must(err)
	if have != root {
		must(errors.New("the tiles do not lead to the root"))
	}
	for i := int64(0); i*256 < size; i++ {
		for k, entry := range entries(dir, i, size) {
			index := i*256 + int64(k)
			proof, err := tlog.ProveRecord(size, index, reader)
			must(err)
			must(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry)))
		}
	}
	for _, arg := range os.Args[2:] {
		colon := strings.Index(arg, ":")
		old, err := strconv.ParseInt(arg[:colon], 10, 64)
		must(err)
		raw, err := base64.StdEncoding.DecodeString(arg[colon+1:])
		must(err)
		var hash tlog.Hash
		if len(raw) != sha256.Size {
			must(errors.New("not a root: " + arg))
		}
		copy(hash[:], raw)
		proof, err := tlog.ProveTree(size, old, reader)
		must(err)
		must(tlog.CheckTree(proof, size, root, old, hash))
	}
	fmt.Println("ok", size)
}
