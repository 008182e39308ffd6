/* Requests to a block device in a Linux guest, past the page cache. Each row prints "name <n> us <total microseconds>". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
enum { CHUNK=1<<20, SMALL=4096, SPAN=128<<20, DEPTH=8 };
static int fd; static double t0; static const char*nm;
static double now(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return t.tv_sec*1e6+t.tv_nsec/1e3; }
static void beg(const char*n){ nm=n; t0=now(); }
static void end(long n){ printf("%s %ld us %.0f\n",nm,n,now()-t0); fflush(stdout); }
static void fail(const char*w){ perror(w); exit(1); }
static uint32_t rnd(uint32_t*s){ *s=*s*1664525u+1013904223u; return *s>>8; }
static char*buffer(size_t n){ void*p; if(posix_memalign(&p,4096,n)) fail("memory"); memset(p,0x5a,n); return p; }
static void seq(int w,int total){ char*b=buffer(CHUNK); for(long o=0;o<total;o+=CHUNK) if((w?pwrite(fd,b,CHUNK,o):pread(fd,b,CHUNK,o))!=CHUNK) fail(nm); if(w&&fdatasync(fd)) fail(nm); free(b); }
static void small(int w,int n,int sync,uint32_t seed){ char*b=buffer(SMALL); for(int i=0;i<n;i++){ long o=(long)(rnd(&seed)%(SPAN/SMALL))*SMALL; if((w?pwrite(fd,b,SMALL,o):pread(fd,b,SMALL,o))!=SMALL) fail(nm); if(sync&&fdatasync(fd)) fail(nm); } free(b); }
static int twrite; static void*thr(void*a){ small(twrite,250,0,(uint32_t)(uintptr_t)a*7919u); return 0; }
static void deep(int w){ pthread_t t[DEPTH]; twrite=w; for(long i=0;i<DEPTH;i++) pthread_create(t+i,0,thr,(void*)(i+1)); for(int i=0;i<DEPTH;i++) pthread_join(t[i],0); }
int main(int c,char**v){
  fd=open(c>1?v[1]:"/dev/vda",O_RDWR|O_DIRECT); if(fd<0) fail("open");
  beg("fill"); seq(1,SPAN); end(SPAN/CHUNK);
  beg("seqwrite"); seq(1,SPAN); end(SPAN/CHUNK);
  beg("seqread"); seq(0,SPAN); end(SPAN/CHUNK);
  beg("randread"); small(0,1500,0,1); end(1500);
  beg("randwrite"); small(1,1500,0,2); end(1500);
  beg("randsync"); small(1,200,1,3); end(200);
  beg("deepread"); deep(0); end(250*DEPTH);
  beg("deepwrite"); deep(1); end(250*DEPTH);
  return 0;
}
