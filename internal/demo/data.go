package demo

import "chaffer/internal/models"

// person is somebody of the demo. The same number stands on both sides on purpose: customer 2 and
// vendor 2 are two people.
type person struct {
	ref  models.UserRef
	name string
}

func customer(id, name string) person {
	return person{models.UserRef{Type: models.TypeCustomer, ID: id}, name}
}

func vendor(id, name string) person {
	return person{models.UserRef{Type: models.TypeVendor, ID: id}, name}
}

var (
	john  = customer("2", "John Doe")
	amina = customer("3", "Amina Haddad")
	lucia = customer("4", "Lucía Fernández")
	ken   = customer("5", "Ken Watanabe")

	techHaven = vendor("2", "Tech Haven")
	oakWool   = vendor("3", "Oak & Wool")
	greenDesk = vendor("4", "Green Desk")
)

// item is a product with the shape and the colour its picture is drawn in.
type item struct {
	id, name, price string
	seller          person
	shape, colour   string
}

var items = []item{
	{"12345", "Wireless Headphones", "299.99", techHaven, "headphones", "#3b5bdb"},
	{"12346", "Mechanical Keyboard", "149.00", techHaven, "keyboard", "#364fc7"},
	{"12347", "USB-C Dock", "89.50", techHaven, "box", "#1864ab"},
	{"22001", "Merino Blanket", "120.00", oakWool, "blanket", "#c2255c"},
	{"22002", "Oak Side Table", "240.00", oakWool, "table", "#a9611b"},
	{"22003", "Felt Slippers", "45.00", oakWool, "slippers", "#862e9c"},
	{"33001", "Desk Lamp", "75.25", greenDesk, "lamp", "#2b8a3e"},
	{"33002", "Monstera Plant", "38.00", greenDesk, "plant", "#2f9e44"},
	{"33003", "Cork Notebook", "12.90", greenDesk, "notebook", "#846358"},
}

// line is one message of a demo conversation.
type line struct {
	from  person
	text  string
	image bool // with a drawn picture of the product
}

// talk is one chat. Unread is how many of the last lines the side that did not write them has
// not read yet; deleted is the place of a message that its author took back, or 0.
type talk struct {
	product  string
	customer person
	lines    []line
	unread   int
	deleted  int
}

func talks() []talk {
	return []talk{
		{"12345", john, []line{
			{john, "Hi, are these still available?", false},
			{techHaven, "They are! Which colour would you like?", false},
			{john, "Blue, if you have it. Are you sure they fit a large head? 😅", false},
			{techHaven, "They do: the band goes out to 22 cm.", true},
			{techHaven, "I can put a pair aside until Friday.", false},
		}, 2, 0},
		{"12346", john, long(john, techHaven), 0, 0},
		{"12347", amina, []line{
			{amina, "Does the dock drive two 4K screens?", false},
			{techHaven, "At 60 Hz, yes.", false},
			{amina, "My old one said so too and did not.", false},
			{techHaven, "Send it back within 30 days if it does not.", false},
		}, 0, 3},
		{"12345", amina, []line{
			{amina, "هل يمكن الشحن إلى بيروت؟", false},
			{techHaven, "نعم، يصل خلال خمسة أيام.", false},
			{amina, "ممتاز، شكرًا جزيلًا 🙏", false},
		}, 1, 0},
		{"12346", lucia, []line{
			{lucia, "¿Viene con la distribución española?", false},
			{techHaven, "Sí, elija «ES» en el menú.", false},
		}, 0, 0},
		{"12345", ken, []line{{ken, "Would you take 250 for them?", false}}, 1, 0},
		{"22001", john, []line{
			{john, "Is the blanket machine washable?", false},
			{oakWool, "By hand only, I am afraid.", false},
			{john, "Then I shall take good care of it 🧶", false},
		}, 1, 0},
		{"22002", lucia, []line{
			{lucia, "Could you make it 5 cm lower?", false},
			{oakWool, "For 20 more, with pleasure.", false},
			{lucia, "18 and we have a deal.", false},
			{oakWool, "Done.", false},
		}, 0, 0},
		{"22003", ken, []line{
			{ken, "Do you have size 46?", false},
			{oakWool, "Not before March, sorry.", false},
		}, 1, 0},
		{"22001", amina, []line{{amina, "How large is it?", false}}, 1, 0},
		{"33001", john, []line{
			{john, "Which bulb does the lamp take?", false},
			{greenDesk, "An E14, up to 40 watts. One is included.", false},
		}, 0, 0},
		{"33002", lucia, []line{
			{lucia, "Does it survive a dark corner? 🌿", false},
			{greenDesk, "It will sulk. Two metres from a window is best.", false},
			{lucia, "Here is the corner:", true},
			{greenDesk, "That will do nicely!", false},
		}, 1, 0},
		{"33003", amina, []line{{amina, "Twenty of them for an office: is there a discount?", false}}, 1, 0},
		{"33001", ken, []line{
			{ken, "The one you sent flickers.", false},
			{greenDesk, "I am sorry! A new one is on its way.", false},
			{ken, "Thank you, that was quick.", false},
		}, 0, 0},
	}
}

// long is a conversation of 250 messages, for scrolling.
func long(c, v person) []line {
	questions := []string{
		"Which switches are in it?", "Is the plate steel?", "Can I have it with blank caps?", "How loud is it?",
		"Does the knob do volume?", "Is the cable detachable?", "And the colour of the backlight?", "Any discount for two?",
	}
	answers := []string{
		"Browns, and you can swap them.", "Aluminium.", "You can, for ten more.", "Like rain on a roof.",
		"Whatever you teach it to do.", "It is: USB-C on both ends.", "White. Only white.", "Five per cent, since it is you.",
	}
	lines := make([]line, 0, 250)
	for i := range 125 {
		lines = append(lines, line{c, questions[i%len(questions)], false}, line{v, answers[i%len(answers)], false})
	}
	return lines
}
