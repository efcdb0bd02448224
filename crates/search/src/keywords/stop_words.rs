//! Words that every other sentence of a language has: they tell a language, and
//! nothing about what a text is about.
//!
//! Folded as `fold` does. Kept short on purpose: a word that could be what somebody
//! looks for (`home`, `work`, `old`) is not here.

pub(super) const ENGLISH: &str = "
    a about after again all also am an and any are aren't as at be because been before being both
    but by can can't could couldn't did didn't do does doesn't doing don't down during each few for
    from further had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers
    herself him himself his how how's i i'd i'll i'm i've if in into is isn't it it's its itself
    just let's me more most my myself no nor not of off on once only or other our ours ourselves
    out over own same she she'd she'll she's should shouldn't so some such than that that's the
    their theirs them themselves then there there's these they they'd they'll they're they've this
    those through to too under until up us very was wasn't we we'd we'll we're we've were weren't
    what what's when when's where where's which while who who's whom why will with won't would
    wouldn't you you'd you'll you're you've your yours yourself yourselves";

pub(super) const GERMAN: &str = "
    aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei bin bis
    bist da damit dann das dass daß dein deine dem den denn der des dich die dies diese diesem
    diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch
    euer eure für gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen
    ihr ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder jedes jene jetzt kann
    kein keine keinen können könnte man manche mein meine meinem meinen meiner mich mir mit muss
    nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit selbst
    sich sie sind so solche soll sollte sondern sonst über um und uns unser unsere unter viel vom
    von vor während war waren warst was weg weil weiter welche welcher wenn wer werde werden wie
    wieder will wir wird wirst wo wollen wollte worden wurde wurden würde würden zu zum zur zwar
    zwischen";

pub(super) const FRENCH: &str = "
    à ai ainsi alors as au aucun aussi autre aux avait avaient avant avec avez avoir avons ayant
    c'est ce cela ces cet cette ceux chaque chez comme d'un d'une dans de depuis des dont du elle
    elles en encore entre es est et étaient étais était été être eu eux fait faut furent il ils
    j'ai je la le les leur leurs lui m ma mais me même mes moi mon n ne ni nos notre nous on ont ou
    où par pas pendant peu peut plus pour pourquoi qu'il qu'elle quand que quel quelle quelles
    quels qui quoi s sa sans sera ses si son sont sous suis sur ta te tes toi ton tous tout toute
    toutes très tu un une vers vos votre vous y";

pub(super) const SPANISH: &str = "
    a al algo algunas algunos ante antes aquí así aunque cada como cómo con contra cual cuál cuando
    cuándo de del desde donde dónde dos durante e el él ella ellas ellos en entre era eran eres es
    esa esas ese eso esos esta está estaba están estas este esto estos estoy fue fueron ha había
    habían han hasta hay he la las le les lo los más me mi mí mientras mis mucho muchos muy nada ni
    no nos nosotros nuestra nuestro o otra otras otro otros para pero poco por porque pues que qué
    quien quién quienes se sea ser si sí sin sobre son soy su sus también tan tanto te tengo tiene
    tienen todo todos tu tú tus un una uno unos usted ustedes y ya yo";

pub(super) const ITALIAN: &str = "
    a abbiamo ad agli ai al alla alle allo anche ancora avere aveva avevano c'è che chi ci co coi
    col come con contro cosa cui da dai dal dalla dalle dallo degli dei del dell dell' della delle
    dello di dopo dove due e è ed era erano essere fa fra fu già gli ha hanno ho i il in io l la le
    lei li lo loro lui ma mi mia mie miei mio molto ne negli nei nel nella nelle nello noi non
    nostra nostro o ogni per perché però più poi qual quale quando quanto quella quelle quelli
    quello questa queste questi questo qui se sei sempre senza si sia siamo sono sta stata stato su
    sua sue sugli sui sul sulla sulle suo suoi tra tu tua tue tuo tutti tutto un un'altra una uno
    vi voi";

pub(super) const PORTUGUESE: &str = "
    a à ao aos aquela aquele aquilo as às até com como da das de dela dele deles depois do dos e é
    ela elas ele eles em entre era eram essa esse esta está estão estava este estou eu foi foram há
    isso isto já lhe mais mas me mesmo meu meus minha minhas muito na não nas nem no nos nós nossa
    nosso num numa o onde os ou para pela pelas pelo pelos por porque qual quando que quem são se
    seja sem ser será seu seus só sou sua suas também tem têm tenho ter teu tinha tive tu tua tudo
    um uma umas uns você vocês";

pub(super) const DUTCH: &str = "
    aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een
    eens en er ge geen geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in
    is ja je jij jouw kan kon kunnen maar me meer men met mij mijn moet na naar niet niets nog nu
    of om omdat onder ons onze ook op over reeds te tegen toch toen tot u uit uw van veel voor want
    waren was wat waar waarom werd wezen wie wij wil worden wordt wou ze zal ze zelf zich zij zijn
    zo zonder zou";

pub(super) const SWEDISH: &str = "
    alla allt att av bara blev bli blir de dem den denna deras dess dessa det detta dig din dina
    ditt du där då efter ej eller en er ett från för ha hade han hans har henne hennes hon honom
    hur här i icke ingen inom inte jag ju kan kunde man med mellan men mig min mina mitt mot mycket
    ni nu när någon något några och om oss på samma sedan sig sin sina sitta själv skulle som så
    till under upp ut utan vad var vara varför varje vem vi vid vilka vilken vill är även över";

pub(super) const DANISH: &str = "
    af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse
    dog du efter eller en end er et for fra ham han hans har havde have hende hendes her hos hun
    hvad hvis hvor i ikke ind jeg jer jo kunne man mange med meget men mig min mine mit mod ned
    noget nogle nu når og også om op os over på selv sig sin sine skal skulle som sådan thi til ud
    under var vi vil ville vor være været";

pub(super) const NORWEGIAN: &str = "
    alle at av bare ble bli blir både da de deg dei deim deira dem den denne der dere deres det
    dette di din disse ditt du eg ein eit eller en enn er et ett etter for fordi fra før ha hadde
    han hans har hennar henne hennes her hun hva hvem hver hvis hvor hvordan hvorfor i ikke ikkje
    ingen inn ja jeg kan kom kunne man mange med meg mellom men mer min mitt mot mye mykje nå når
    noe noen og også om opp oss over på så seg selv sin sitt skal skulle slik som til under uten ut
    var være vært vi vil ville vår";

pub(super) const FINNISH: &str = "
    ei eivät emme en et ette että hän häntä hänen he heidän heitä itse ja jo jos joka jonka joita
    jotka kanssa keitä ketä koska kuin kuka kun me meidän meitä mihin mikä missä mitä mukaan mutta
    myös ne niiden niin niitä noin nuo nyt ole olemme olen olet olette oli olimme olin olisi
    olisin olivat olla ollut on ovat se sekä sen siellä siitä sillä sinä sinun siinä sitä tai tämä
    tämän tässä tätä te teidän tuo vaan vai vaikka";

pub(super) const HUNGARIAN: &str = "
    a abban ahhoz ahogy aki akik akkor alatt ami amely amikor amit arra át az azért azok azon azt
    aztán azután be bele csak de e ebben eddig egy egyik el elég ennek én és ez ezek ezt fel felé
    ha hogy hogyan hol igen is itt jó ki kell kellett le lehet lenne lesz lett még meg mely mert mi
    miért mint minden mindig most már más nagyon ne neki nekem nem nincs ő ők őket olyan ott össze
    pedig s saját se sem semmi sok szerint talán te több tovább úgy utána új vagy vagyok van vannak
    való vele viszont volt voltak volna";

pub(super) const ROMANIAN: &str = "
    a acea această acel acest acesta aceste acolo acum ai al ale altă am ar are as asta astfel așa
    aș ați au avea avem aveți azi că când care către ce cel cele cine cu cum da dacă dar de deci
    deja din doar după ea ei el ele era erau este eu face fără fi fie fiecare fost iar îi îl în
    între la le li lor lui mă mai mea mei mele mi mult nici nimic niște noastră noi nostru nu o
    pe pentru prin să sa sale sau se și spre sub sunt suntem sunteți ta te tot toate toți tu un
    una unde unei unor unui va vă voi vom vor";

pub(super) const TURKISH: &str = "
    acaba ama ancak artık aslında az bana bazı belki ben benden beni benim bile bir biri birkaç
    biz bizi bizim bu buna bunda bundan bunlar bunu bunun çok çünkü da daha de defa değil diye en
    gibi hem hep hepsi her hiç için ile ise kez ki kim kimse mı mi mu mü nasıl ne neden nerde
    nerede nereye niçin niye o olan olarak oldu olduğu olur ona onlar onu onun sana sanki şey sen
    seni senin siz sizi sizin şu tüm var ve veya ya yani yok";

pub(super) const RUSSIAN: &str = "
    а без более бы был была были было быть в вам вас весь во вот все всего всех всю вы где да даже
    для до его ее её ей ему если есть еще ещё же за здесь и из или им их к как какая какой когда
    кто ли либо между меня мне много может мой моя мы на над надо наш не него нее неё нет ни них но
    ну о об однако он она они оно от по под при про раз с сам свое своё свою себе себя со так также
    такой там те тебя тем то тогда того тоже той только том тот ты у уже хотя чего чем что чтобы чья
    эта эти это этого этом этот я";

pub(super) const GREEK: &str = "
    αλλά αν από αυτά αυτή αυτό αυτός για δε δεν εγώ εδώ είμαι είναι είσαι εκεί εμείς ένα ένας εσύ
    έχει έχω η ήταν θα και κάτι με μια μου να ο οι όπως όταν ότι πιο που πως σαν σε στη στην στις
    στο στον στους σου τα τη την της τι τις το τον του τους των ως";

pub(super) const ARABIC: &str = "
    أن إن أنا أنت أو أي إلى الذي التي الذين بعد بين ثم حتى حيث ذلك ذات على عن عند غير في قبل قد
    كان كانت كل كما لا لكن لم لن له لها ليس ما مع من منذ نحن هذا هذه هل هم هنا هناك هو هي و وهو
    وهي يا يكون";
