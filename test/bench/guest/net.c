/* TCP of a Linux guest with a server of the host: `net ADDRESS PORT MIB ROW…` prints "ROW <n> us <microseconds>" for each row.
   A connection begins with one byte that says what it is for: R and S move MIB mebibytes of a known pattern, which is checked;
   C ends after one byte, E sends back what comes. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
enum { CHUNK=1<<16, CONNECTIONS=500, ECHOES=2000, ECHO_BYTES=64 };
static struct sockaddr_in to; static const char*row; static long mib; static unsigned char pattern[2*CHUNK], got[CHUNK];
static double now(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return t.tv_sec*1e6+t.tv_nsec/1e3; }
static void fail(const char*why){ perror(row); puts(why); exit(1); }
static int open_(char what){
  int s=socket(AF_INET,SOCK_STREAM,0), one=1; if(s<0) fail("socket");
  setsockopt(s,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one);
  if(connect(s,(void*)&to,sizeof to)) fail("connect");
  if(write(s,&what,1)!=1) fail("write");
  return s;
}
static void all(int s,const unsigned char*b,long n){ while(n>0){ long w=write(s,b,n); if(w<=0) fail("write"); b+=w; n-=w; } }
static long receive(void){
  int s=open_('R'); long at=0,n;
  while((n=read(s,got,sizeof got))>0){ if(memcmp(got,pattern+at%CHUNK,n)) fail("other bytes came"); at+=n; }
  if(n<0||at!=mib<<20) fail("too little came");
  close(s); return mib;
}
static long send_(void){
  int s=open_('S'); char ok=0;
  for(long i=0;i<(mib<<20)/CHUNK;i++) all(s,pattern,CHUNK);
  shutdown(s,SHUT_WR);
  if(read(s,&ok,1)!=1||ok!='y') fail("other bytes arrived");
  close(s); return mib;
}
static long connect_(void){
  for(int i=0;i<CONNECTIONS;i++){ int s=open_('C'); char c; if(read(s,&c,1)!=1||read(s,&c,1)!=0) fail("read"); close(s); }
  return CONNECTIONS;
}
static long echo(void){
  int s=open_('E');
  for(int i=0;i<ECHOES;i++){
    all(s,pattern,ECHO_BYTES);
    for(long n=0;n<ECHO_BYTES;){ long r=read(s,got,sizeof got); if(r<=0) fail("read"); n+=r; }
  }
  close(s); return ECHOES;
}
int main(int c,char**v){
  to.sin_family=AF_INET; to.sin_port=htons(atoi(v[2])); inet_pton(AF_INET,v[1],&to.sin_addr); mib=atol(v[3]);
  for(int i=0;i<2*CHUNK;i++) pattern[i]=(i%CHUNK*2654435761u)>>13;
  for(int i=4;i<c;i++){
    row=v[i]; double t=now();
    long n=!strcmp(row,"receive")?receive():!strcmp(row,"send")?send_():!strcmp(row,"connect")?connect_():echo();
    printf("%s %ld us %.0f\n",row,n,now()-t); fflush(stdout);
  }
}
