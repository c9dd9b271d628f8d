package featureindex

// span is how many documents an array of counters has: any document number of
// a posting is an index, whatever the bytes of a section are.
const span = 1 << chunkBits

// A piece is the part of a list that lies in one block. weight is what the
// kernels multiply an impact by, in 256ths of a level.
type piece struct {
	docs    []uint16
	impacts []uint8
	weight  uint64 // below 65536
}

// The kernels. Each has a generic form, in kernel_generic.go, which is its
// definition, and may have one for the machine, which does the same.
//
//	scatter  adds ⌊impact·weight/256⌋+1 to the counter of each posting
//	lower    subtracts ⌊(impact−1)·weight/256⌋ from it
//	tally    adds 1 to it
//	scan     finds the counters above a limit and resets all to fill; the
//	         number of counters is a multiple of 64, found is as long as they
//	         are, and gets counter<<16 | index
//	dotRows  sums the products of q with each of len(sums) rows; the number of
//	         components is a multiple of 32

func lower(acc *[span]uint16, pieces []piece) {
	for i := range pieces {
		p := &pieces[i]
		impacts, w := p.impacts[:len(p.docs)], uint32(p.weight)
		for j, d := range p.docs {
			acc[d] -= uint16((uint32(impacts[j]) - 1) & 0xff * w >> 8)
		}
	}
}
