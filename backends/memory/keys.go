package memory

import "math/rand/v2"

// keyList keeps keys in byte order: a skip list (Pugh, "Skip lists: a probabilistic alternative to balanced trees",
// 1990), in which each step costs the logarithm of the number of keys. The zero value is empty.
type keyList struct {
	next [maxLevel]*keyNode
}

type keyNode struct {
	key  string
	next []*keyNode
}

// maxLevel is enough for 4^16 keys.
const maxLevel = 16

// before returns the links that lead to the first key that is not less than key.
func (l *keyList) before(key string) (links [maxLevel]*[]*keyNode) {
	head := l.next[:]
	at := &head
	for level := maxLevel - 1; level >= 0; level-- {
		for (*at)[level] != nil && (*at)[level].key < key {
			at = &(*at)[level].next
		}
		links[level] = at
	}
	return links
}

// add inserts a key that is not there.
func (l *keyList) add(key string) {
	links := l.before(key)
	height := 1
	for height < maxLevel && rand.IntN(4) == 0 { //nolint:gosec // chance, not a secret
		height++
	}
	node := &keyNode{key: key, next: make([]*keyNode, height)}
	for level := range height {
		node.next[level] = (*links[level])[level]
		(*links[level])[level] = node
	}
}

// remove takes a key out.
func (l *keyList) remove(key string) {
	for level, link := range l.before(key) {
		if node := (*link)[level]; node != nil && node.key == key {
			(*link)[level] = node.next[level]
		}
	}
}

// from returns the first node whose key is not less than key, or nil.
func (l *keyList) from(key string) *keyNode {
	return (*l.before(key)[0])[0]
}

// following returns the next node, or nil.
func (n *keyNode) following() *keyNode { return n.next[0] }
