/**
 * Common emoji and their names, for the picker and for `:names:` in what one writes. A line is a
 * group: an emoji and its names, joined by "/", and so on.
 */
import * as storage from './storage.js';

/** @typedef {{emoji: string, names: string[]}} Emoji */

const RECENT_MOST = 24;

/** @type {Record<string, string>} by the name of the group, which strings.emojiGroups has in words */
const TABLE = {
    smileys:
        '😀 grinning 😃 smiley 😄 smile 😁 grin 😆 laughing/xd 😅 sweat_smile 🤣 rofl 😂 joy/lol 🙂 slight_smile 🙃 upside_down 😉 wink 😊 blush 😇 innocent/angel 🥰 in_love 😍 heart_eyes 🤩 star_struck 😘 kissing_heart 😋 yum 😛 tongue 😜 wink_tongue 🤪 zany 🤑 money_mouth 🤗 hug 🤭 giggle 🤫 shush/quiet 🤔 thinking 🤐 zipper_mouth 😐 neutral 😑 expressionless 😶 no_mouth 😏 smirk 😒 unamused 🙄 eye_roll 😬 grimacing 😌 relieved 😔 pensive 😪 sleepy 😴 sleeping 😷 mask 🤒 fever 🤕 hurt 🤢 nauseated 🤮 vomiting 🤧 sneeze 🥵 hot_face 🥶 cold_face 😵 dizzy_face 🤯 mind_blown 🤠 cowboy 🥳 partying 😎 cool/sunglasses 🤓 nerd 🧐 monocle 😕 confused 😟 worried 🙁 slight_frown 😮 open_mouth/wow 😲 astonished 😳 flushed 🥺 pleading 😨 fearful 😰 cold_sweat 😢 cry/sad 😭 sob 😱 scream 😞 disappointed 😓 sweat 😩 weary 🥱 yawn 😤 triumph 😡 rage 😠 angry 🤬 cursing 😈 imp 💀 skull 💩 poop 🤡 clown 👻 ghost 👽 alien 🤖 robot 🙈 see_no_evil',
    people:
        '👋 wave/hello ✋ raised_hand 👌 ok_hand ✌️ victory/v 🤞 fingers_crossed 🤘 metal 👈 point_left 👉 point_right 👆 point_up 👇 point_down 👍 thumbsup/+1/yes 👎 thumbsdown/-1/no ✊ fist 👊 punch 👏 clap 🙌 raised_hands 🤝 handshake 🙏 pray/thanks/please ✍️ writing 💅 nails 💪 muscle/strong 🧠 brain 👀 eyes 👁️ eye 👶 baby 🧑 person 👨 man 👩 woman 🙋 raising_hand 🙇 bow 🤦 facepalm 🤷 shrug 🧑‍💻 coder/technologist 🧑‍🚀 astronaut 🧙 wizard 🚶 walking 🏃 running 💃 dancer 🕺 dancing 👪 family 👥 people',
    hearts:
        '❤️ heart/love 🧡 orange_heart 💛 yellow_heart 💚 green_heart 💙 blue_heart 💜 purple_heart 🖤 black_heart 💔 broken_heart 💖 sparkling_heart 💯 100 💥 boom 💦 sweat_drops 💬 speech 💭 thought 💤 zzz ✨ sparkles ⭐ star ⚡ zap 🔥 fire 🎉 tada/party 🎊 confetti 🎈 balloon 🎁 gift 🎂 birthday 🏆 trophy 🥇 gold/first 👑 crown 💎 gem',
    nature:
        '🐶 dog 🐱 cat 🐰 rabbit 🦊 fox 🐻 bear 🐼 panda 🐯 tiger 🦁 lion 🐮 cow 🐷 pig 🐸 frog 🐵 monkey 🐔 chicken 🐧 penguin 🐦 bird 🦉 owl 🐺 wolf 🐴 horse 🦄 unicorn 🐝 bee 🐛 bug 🦋 butterfly 🕷️ spider 🐢 turtle 🐍 snake 🐙 octopus 🦀 crab 🐠 fish 🐬 dolphin 🐳 whale 🦈 shark 🐘 elephant 🐉 dragon 🌵 cactus 🎄 christmas_tree 🌲 evergreen 🌳 tree 🌴 palm_tree 🌱 seedling 🌿 herb 🍀 four_leaf_clover/luck 🍂 fallen_leaf 🍄 mushroom 🌷 tulip 🌹 rose 🌻 sunflower 🌍 earth 🌙 moon ☀️ sun ☁️ cloud 🌧️ rain ❄️ snowflake ☔ umbrella 🌈 rainbow 🌊 ocean',
    food:
        '🍎 apple 🍊 orange 🍋 lemon 🍌 banana 🍉 watermelon 🍇 grapes 🍓 strawberry 🍑 peach 🍍 pineapple 🍅 tomato 🥑 avocado 🥕 carrot 🌶️ hot_pepper 🥔 potato 🍞 bread 🥐 croissant 🧀 cheese 🥚 egg 🍳 cooking 🥞 pancakes 🍔 hamburger 🍟 fries 🍕 pizza 🥪 sandwich 🥗 salad 🍝 spaghetti 🍜 ramen 🍣 sushi 🍦 icecream 🍩 doughnut 🍪 cookie 🍰 cake 🍫 chocolate 🍿 popcorn ☕ coffee 🍵 tea 🍺 beer 🍻 cheers/beers 🍷 wine 🍸 cocktail 🥤 soda 🍽️ meal',
    things:
        '⚽ soccer 🏀 basketball 🎾 tennis 🏓 ping_pong 🎯 dart 🎮 game 🎲 die 🧩 puzzle 🎨 art 🎤 microphone 🎧 headphones 🎵 note 🎶 music 🎸 guitar 🎹 piano 🚗 car 🚕 taxi 🚌 bus 🚑 ambulance 🚲 bike 🚂 train ✈️ airplane 🚀 rocket 🚢 ship 🏠 house/home 🏥 hospital ⛺ tent 🏖️ beach 🏔️ mountain 🗺️ map ⌚ watch 📱 phone 💻 laptop 🖥️ desktop 📷 camera 📺 tv 🔋 battery 🔌 plug 💡 bulb/idea 💰 money 💳 credit_card ⚙️ gear 🔧 wrench 🔨 hammer 🛠️ tools 💊 pill 🔬 microscope 🔑 key 🚪 door 🛒 cart 📦 package ✉️ envelope 📝 memo ✏️ pencil 📁 folder 📅 calendar 📈 chart_up 📌 pushpin 📎 paperclip 🔒 lock 📚 books 📖 book 🔗 link ⏰ alarm ⏳ hourglass 🔔 bell 📣 megaphone 🎓 graduation 👕 shirt 👟 sneaker',
    signs:
        '✅ done/check ✔️ tick ❌ x/cross ❓ question ❗ exclamation ⚠️ warning 🚫 forbidden ⛔ no_entry 🛑 stop 🚧 construction ♻️ recycle 🔄 refresh ➕ plus ♾️ infinity ➡️ right ⬅️ left ⬆️ up ⬇️ down ▶️ play ⏸️ pause 🔍 search 🔴 red 🟡 yellow 🟢 green ⚫ black ⚪ white 🆗 ok 🆕 new 🆘 sos ℹ️ info 🚩 flag',
};

/** @type {Map<string, Emoji[]>} */
export const groups = new Map(
    Object.entries(TABLE).map(([group, line]) => {
        const words = line.split(' ');
        const all = [];
        for (let i = 0; i < words.length; i += 2)
            all.push({ emoji: words[i], names: words[i + 1].split('/') });
        return [group, all];
    }),
);

const all = [...groups.values()].flat();
const byName = new Map(all.flatMap((one) => one.names.map((name) => [name, one])));
const byEmoji = new Map(all.map((one) => [one.emoji, one]));

/** @param {string} name without colons @returns {string} "" when there is none of that name */
export const emojiOf = (name) => byName.get(name)?.emoji ?? '';

/** @param {string} emoji @returns {string} the first of its names, or the emoji itself */
export const nameOf = (emoji) => byEmoji.get(emoji)?.names[0].replaceAll('_', ' ') ?? emoji;

/** @param {string} text @returns {Emoji[]} those whose name begins so, then those that have it in it */
export function found(text) {
    const wanted = text.trim().toLowerCase().replaceAll(/[\s:]+/gu, '_').replace(/^_|_$/gu, '');
    const rank = (/** @type {Emoji} */ { names }) => {
        if (names.includes(wanted)) return 0;
        if (names.some((name) => name.startsWith(wanted))) return 1;
        return names.some((name) => name.includes(wanted)) ? 2 : 3;
    };
    const ranked = all.map((one) => ({ one, rank: rank(one) })).filter((one) => one.rank < 3);
    return ranked.sort((a, b) => a.rank - b.rank).map(({ one }) => one);
}

/** @returns {string[]} those used lately, the latest first */
export function recent() {
    const kept = storage.get(storage.area.local, storage.EMOJI);
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : [];
}

/** @param {string} emoji */
export function used(emoji) {
    const kept = [emoji, ...recent().filter((one) => one !== emoji)].slice(0, RECENT_MOST);
    storage.put(storage.area.local, storage.EMOJI, kept);
}
